"""Supervisors: restart on failure, by a declared policy.

`Supervisor` starts its children in order and restarts what fails; `DynamicSupervisor` has children that come and go. What a child is and
how it is treated, `child()` declares.
"""

from supervisors.asking import hedge_ask, hedge_ask_async, retry_ask, retry_ask_async
from supervisors.breaker import CircuitBreaker
from supervisors.bulkhead import Bulkhead
from supervisors.dynamic import DynamicSupervisor
from supervisors.errors import (
    BulkheadFullError,
    ChildRunningError,
    ChildSpecError,
    CircuitOpenError,
    DuplicateChildError,
    Failure,
    RateLimitedError,
    RestartLimitError,
    SupervisorError,
    SupervisorStoppingError,
    TooManyChildrenError,
    UnknownChildError,
)
from supervisors.events import BreakerChanged, RestartScheduled, SupervisorGaveUp
from supervisors.limiter import RateLimiter
from supervisors.nodes import TreeNode, tree
from supervisors.partition import GetPartition, PartitionSupervisor
from supervisors.picture import tree_mermaid, tree_text
from supervisors.picture_svg import tree_svg
from supervisors.policy import AutoShutdown, Backoff, BreakerState, Limit, Restart, Strategy
from supervisors.requests import (
    ChildCounts,
    ChildInfo,
    ChildState,
    CountChildren,
    GetChild,
    ListChildren,
    RemoveChild,
    RestartChild,
    StartChild,
    StopChild,
)
from supervisors.retrying import retry, retry_async
from supervisors.spec import AskFailure, ChildSpec, Shutdown, WhileDown, child
from supervisors.supervisor import Supervisor
from supervisors.tasks import TaskSupervisor, run_task

__all__ = [
    "AskFailure",
    "AutoShutdown",
    "Backoff",
    "BreakerChanged",
    "BreakerState",
    "Bulkhead",
    "BulkheadFullError",
    "ChildCounts",
    "ChildInfo",
    "ChildRunningError",
    "ChildSpec",
    "ChildSpecError",
    "ChildState",
    "CircuitBreaker",
    "CircuitOpenError",
    "CountChildren",
    "DuplicateChildError",
    "DynamicSupervisor",
    "Failure",
    "GetChild",
    "GetPartition",
    "Limit",
    "ListChildren",
    "PartitionSupervisor",
    "RateLimitedError",
    "RateLimiter",
    "RemoveChild",
    "Restart",
    "RestartChild",
    "RestartLimitError",
    "RestartScheduled",
    "Shutdown",
    "StartChild",
    "StopChild",
    "Strategy",
    "Supervisor",
    "SupervisorError",
    "SupervisorGaveUp",
    "SupervisorStoppingError",
    "TaskSupervisor",
    "TooManyChildrenError",
    "TreeNode",
    "UnknownChildError",
    "WhileDown",
    "child",
    "hedge_ask",
    "hedge_ask_async",
    "retry",
    "retry_ask",
    "retry_ask_async",
    "retry_async",
    "run_task",
    "tree",
    "tree_mermaid",
    "tree_svg",
    "tree_text",
]
