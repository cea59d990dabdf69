"""Tests of `actors.streams`."""
