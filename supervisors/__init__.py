"""Supervisors: restart on failure, by a declared policy.

`Supervisor` starts its children in order and restarts what fails; `DynamicSupervisor` has children that come and go. What a child is and
how it is treated, `child()` declares.
"""

from supervisors.dynamic import DynamicSupervisor
from supervisors.errors import (
    ChildRunningError,
    ChildSpecError,
    DuplicateChildError,
    Failure,
    RestartLimitError,
    SupervisorError,
    SupervisorStoppingError,
    TooManyChildrenError,
    UnknownChildError,
)
from supervisors.events import RestartScheduled, SupervisorGaveUp
from supervisors.nodes import TreeNode, tree
from supervisors.partition import GetPartition, PartitionSupervisor
from supervisors.picture import tree_mermaid, tree_text
from supervisors.picture_svg import tree_svg
from supervisors.policy import AutoShutdown, Backoff, Limit, Restart, Strategy
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
from supervisors.spec import AskFailure, ChildSpec, Shutdown, WhileDown, child
from supervisors.supervisor import Supervisor
from supervisors.tasks import TaskSupervisor, run_task

__all__ = [
    "AskFailure",
    "AutoShutdown",
    "Backoff",
    "ChildCounts",
    "ChildInfo",
    "ChildRunningError",
    "ChildSpec",
    "ChildSpecError",
    "ChildState",
    "CountChildren",
    "DuplicateChildError",
    "DynamicSupervisor",
    "Failure",
    "GetChild",
    "GetPartition",
    "Limit",
    "ListChildren",
    "PartitionSupervisor",
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
    "run_task",
    "tree",
    "tree_mermaid",
    "tree_svg",
    "tree_text",
]
