"""The kernel: deterministic, without clock, chance or input/output of its own. Private; the public names are in `actors`."""
