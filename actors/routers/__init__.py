"""Pools and routing: many workers behind one ref."""
