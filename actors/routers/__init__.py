"""Pools and routing: many workers behind one ref."""

from __future__ import annotations

from actors.routers.errors import (
    BatchResultError,
    NoRouteeError,
    PoolClosedError,
    PoolFullError,
    TooManyDeathsError,
    WorkerLostError,
)
from actors.routers.pool.actor import PoolActor
from actors.routers.pool.events import JobRedelivered, JobsShed, PoolResized, WorkerDied
from actors.routers.pool.options import Batch, Elastic, PoolBackoff, Rate
from actors.routers.pool.pool import Pool
from actors.routers.pool.refs import PoolRef
from actors.routers.pool.stats import PoolStats
from actors.routers.refs import RouterRef
from actors.routers.router import Router, RouterActor
from actors.routers.routing import Broadcast, ConsistentHash, LeastLoaded, RandomRouting, RoundRobin, Routing, ScatterGather, TailChopping

__all__ = [
    "Batch",
    "BatchResultError",
    "Broadcast",
    "ConsistentHash",
    "Elastic",
    "JobRedelivered",
    "JobsShed",
    "LeastLoaded",
    "NoRouteeError",
    "Pool",
    "PoolActor",
    "PoolBackoff",
    "PoolClosedError",
    "PoolFullError",
    "PoolRef",
    "PoolResized",
    "PoolStats",
    "RandomRouting",
    "Rate",
    "RoundRobin",
    "Router",
    "RouterActor",
    "RouterRef",
    "Routing",
    "ScatterGather",
    "TailChopping",
    "TooManyDeathsError",
    "WorkerDied",
    "WorkerLostError",
]
