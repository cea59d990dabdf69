"""Dispatchers: how turns get a thread. The only place with a real clock, real ids and real randomness."""
