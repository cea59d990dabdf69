"""Actors: private state, a mailbox, messages."""
