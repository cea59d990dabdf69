"""The colours of pictures, on a light page and on a dark one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["PALETTE", "on_both_pages"]

PALETTE: Mapping[str, tuple[str, str]] = {
    "paper": ("#ffffff", "#0d1117"),
    "ink": ("#1f2328", "#e6edf3"),
    "muted": ("#656d76", "#8b949e"),
    "lane": ("#d0d7de", "#30363d"),
    "head": ("#f6f8fa", "#161b22"),
    "message": ("#2563eb", "#60a5fa"),
    "reply": ("#64748b", "#94a3b8"),
    "start": ("#15803d", "#4ade80"),
    "signal": ("#7c3aed", "#a78bfa"),
    "timer": ("#0e7490", "#22d3ee"),
    "crash": ("#dc2626", "#f87171"),
    "warm": ("#ea580c", "#fb923c"),
}


def on_both_pages(rules: Callable[[Mapping[str, str]], str]) -> str:
    """Return CSS that follows the page: `rules` is given the colours by name, once for a light page and once for a dark one."""
    light, dark = ({name: pair[page] for name, pair in PALETTE.items()} for page in (0, 1))
    return f"{rules(light)}\n@media (prefers-color-scheme: dark) {{\n{rules(dark)}\n}}\n"
