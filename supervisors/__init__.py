"""Supervision: policies that decide what happens when an actor fails."""
