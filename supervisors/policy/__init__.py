"""Decisions without deeds: when to restart, when to give up, how long to wait, which siblings are affected, what a breaker lets through.

Everything here is a frozen record or a pure step, but for `Window`, which remembers. Time and chance come in as arguments: seconds from an
origin of the caller's, and numbers in [0, 1).
"""

from supervisors.policy.backoff import Backoff
from supervisors.policy.breaker import BreakerState
from supervisors.policy.limits import Limit, Window
from supervisors.policy.strategies import AutoShutdown, Outcome, Restart, Strategy, affected, restarts, should_shut_down

__all__ = [
    "AutoShutdown",
    "Backoff",
    "BreakerState",
    "Limit",
    "Outcome",
    "Restart",
    "Strategy",
    "Window",
    "affected",
    "restarts",
    "should_shut_down",
]
