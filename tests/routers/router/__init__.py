"""Tests of routers and strategies."""
