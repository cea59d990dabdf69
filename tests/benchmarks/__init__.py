"""Benchmarks: what the actors cost, beside what else one could take.

``python -m tests.benchmarks`` runs every measure, each in a process of its own and with a time limit,
and prints figures, ratios, what had to be reached and whether it was. They are not part of the
tests' verdict: a busy machine is not a bug.

The parts, in the order a figure travels: ``contenders`` do the work, ``harness`` times them in
interleaved rounds, ``measures`` say what is compared and what must be reached, ``runner`` gives each
measure its process, ``report``, ``markdown`` and ``chart`` show the outcome.
"""
