"""What is compared, how much of it, and what it must reach: the acceptance table as code."""

from __future__ import annotations

from tests.benchmarks.model import Measure

from . import (
    asks,
    batching,
    blocking,
    channels,
    lifecycle,
    logging_actor,
    loops,
    machines,
    messages,
    observing,
    pool_jobs,
    process_pools,
    routing,
    safety,
    savina,
    scheduling,
    simulation,
    streaming,
    supervision,
    wire,
)

MODULES = (
    messages,
    asks,
    loops,
    lifecycle,
    blocking,
    safety,
    savina,
    simulation,
    supervision,
    machines,
    logging_actor,
    wire,
    channels,
    scheduling,
    routing,
    pool_jobs,
    process_pools,
    batching,
    streaming,
    observing,
)
MEASURES: dict[str, Measure] = {measure.name: measure for module in MODULES for measure in module.MEASURES}
# Names for several of them.
GROUPS: dict[str, tuple[str, ...]] = {
    name: tuple(measure.name for module in modules for measure in module.MEASURES)
    for name, modules in (
        ("logging", (logging_actor,)),
        ("wire", (wire,)),
        ("channels", (channels,)),
        ("scheduler", (scheduling,)),
        ("routers", (routing,)),
        ("pools", (pool_jobs, process_pools)),
        ("batching", (batching,)),
        ("streams", (streaming,)),
        ("observe", (observing,)),
        ("volume", (routing, pool_jobs, process_pools, batching, streaming)),  # work at volume: routers, pools, batching, streams
    )
}
