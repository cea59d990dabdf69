"""A layout for pictures of boxes inside of boxes and arrows between any of them.

It knows nothing of what is drawn: `place` gives `Item` and `Link` their places.
"""

from supervisors.machine.layout.levels import Item, Link, place

__all__ = ["Item", "Link", "place"]
