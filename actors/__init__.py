"""Greenroom: actors that run fast, fail safely and can be tested under every order of their messages.

Build actors by subclassing `Actor`; start them with `Actor.start()` or in an `ActorSystem`; talk to them through their `ActorRef`.
pykka's whole API is here too: a program that says ``import actors as pykka`` works.
"""

import logging as _logging

from pykka import CallableProxy, traversable

from actors import debug, first_line, messages, typing
from actors._core.actor import Actor, ThreadingActor
from actors._core.bounded import Overflow
from actors._core.event_stream import EventStream, Subscription
from actors._core.future import Future
from actors._core.handlers import handler
from actors._core.isolation import Isolation
from actors._core.lifecycle import DownReason, Lifecycle
from actors._core.lineage import Budget
from actors._core.mailbox import Bounded, Priority, Unbounded
from actors._core.messages import Down, PipeFailed, ReceiveTimeout, Request
from actors._core.options import DispatcherKind
from actors._core.proxy import ActorProxy
from actors._core.ref import ActorRef
from actors._core.registry import ActorRegistry
from actors._core.reply import CancelToken, ReplyHandle
from actors._core.several import get_all, wait_any
from actors._core.stats import ActorStats
from actors._core.timers import TimerMode
from actors.config import SystemConfig
from actors.errors import (
    ActorDeadError,
    ActorError,
    ActorKilled,
    ActorRestarting,
    ActorStartError,
    AskCancelled,
    BlockingInLoopError,
    BudgetExceededError,
    CodecError,
    DeadlineExceeded,
    DeadlockError,
    ForkedError,
    HandlerDeclarationError,
    InternalError,
    InvalidNameError,
    LinkedActorDied,
    MailboxFullError,
    MutableMessageError,
    NameTakenError,
    NotInActorError,
    RegistrationError,
    RemoteError,
    StashFullError,
    SystemStoppedError,
    Timeout,
    WouldBlockError,
)
from actors.events import DeadLetter, DeadLetterReason
from actors.shutdown import ShutdownPhase, ShutdownReport
from actors.system import ActorSystem, SystemState, SystemStats, default_system

ThreadingFuture = Future

__all__ = [
    "Actor",
    "ActorDeadError",
    "ActorError",
    "ActorKilled",
    "ActorProxy",
    "ActorRef",
    "ActorRegistry",
    "ActorRestarting",
    "ActorStartError",
    "ActorStats",
    "ActorSystem",
    "AskCancelled",
    "BlockingInLoopError",
    "Bounded",
    "Budget",
    "BudgetExceededError",
    "CallableProxy",
    "CancelToken",
    "CodecError",
    "DeadLetter",
    "DeadLetterReason",
    "DeadlineExceeded",
    "DeadlockError",
    "DispatcherKind",
    "Down",
    "DownReason",
    "EventStream",
    "ForkedError",
    "Future",
    "HandlerDeclarationError",
    "InternalError",
    "InvalidNameError",
    "Isolation",
    "Lifecycle",
    "LinkedActorDied",
    "MailboxFullError",
    "MutableMessageError",
    "NameTakenError",
    "NotInActorError",
    "Overflow",
    "PipeFailed",
    "Priority",
    "ReceiveTimeout",
    "RegistrationError",
    "RemoteError",
    "ReplyHandle",
    "Request",
    "ShutdownPhase",
    "ShutdownReport",
    "StashFullError",
    "Subscription",
    "SystemConfig",
    "SystemState",
    "SystemStats",
    "SystemStoppedError",
    "ThreadingActor",
    "ThreadingFuture",
    "Timeout",
    "TimerMode",
    "Unbounded",
    "WouldBlockError",
    "debug",
    "default_system",
    "get_all",
    "handler",
    "messages",
    "traversable",
    "typing",
    "wait_any",
]

_logging.getLogger("actors").addHandler(_logging.NullHandler())
first_line.install()
