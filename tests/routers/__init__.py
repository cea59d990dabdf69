"""Tests of `actors.routers`."""
