"""What to do about a failure, as pure functions and records: no clock, no chance, no actors. Time and chance come in as arguments."""

from supervisors.policy.backoff import Backoff
from supervisors.policy.limits import Limit, Window
from supervisors.policy.strategies import AutoShutdown, Outcome, Restart, Strategy, affected, restarts, shuts_down

__all__ = ["AutoShutdown", "Backoff", "Limit", "Outcome", "Restart", "Strategy", "Window", "affected", "restarts", "shuts_down"]
