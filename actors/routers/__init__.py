"""Pools and routing: many workers behind one ref."""

from __future__ import annotations

from actors.routers.errors import BatchResultError, NoRouteeError, PoolClosedError, PoolFullError, WorkerLostError
from actors.routers.refs import RouterRef
from actors.routers.router import Router, RouterActor
from actors.routers.routing import Broadcast, ConsistentHash, LeastLoaded, RandomRouting, RoundRobin, Routing, ScatterGather, TailChopping

__all__ = [
    "BatchResultError",
    "Broadcast",
    "ConsistentHash",
    "LeastLoaded",
    "NoRouteeError",
    "PoolClosedError",
    "PoolFullError",
    "RandomRouting",
    "RoundRobin",
    "Router",
    "RouterActor",
    "RouterRef",
    "Routing",
    "ScatterGather",
    "TailChopping",
    "WorkerLostError",
]
