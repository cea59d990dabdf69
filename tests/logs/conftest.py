"""Fixtures of the tests of logging."""

from tests.logs.kit import caught, global_sink

__all__ = ["caught", "global_sink"]
