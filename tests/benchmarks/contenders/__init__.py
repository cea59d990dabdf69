"""Who is compared: each module does the same jobs in its own way and returns the seconds they took.

``kits`` names everything that has pykka's API, ours and pykka's own; ``roles``, ``async_roles`` and
``scenarios`` are written once for all of them. ``queue_actor``, ``everything`` and ``erlang`` are
programs of their own, ``bare`` is the loop that no framework can beat.
"""
