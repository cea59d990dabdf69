"""Logging by an actor, and reading what it has written."""
