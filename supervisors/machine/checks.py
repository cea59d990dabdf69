"""What is wrong with a chart whose states are in order: found when the class is made, each with the line to change."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from actors import Request
from actors._core.handlers import reply_problem
from supervisors.machine.chart import History, Kind, Transition, Verdict, event_text
from supervisors.machine.events import Done, EventTimeout, NamedTimeout, StateTimeout
from supervisors.machine.table import candidates
from supervisors.machine.tree import bound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from supervisors.machine.tree import Node, Tree

__all__ = ["alphabet", "check", "leads_to", "possible"]


def check(tree: Tree, machine: type[Any], names: dict[str, Any]) -> None:
    """Take note of all that is wrong with `tree`.

    Args:
        tree: the states, with no problems so far.
        machine: the class.
        names: the local names where the class is made, for annotations.
    """
    for node in tree.root.everyone():
        _check_order(tree, node)
        _check_done(tree, node)
        _check_timeouts(tree, node)
    _check_reached(tree)
    _check_ways_out(tree)
    _check_handled(tree)
    _check_replies(tree, machine, names)


def _check_order(tree: Tree, node: Node) -> None:
    """In one state, an event has one transition without a guard, and that is the last."""
    for event, rules in node.rules.items():
        last: Transition[Any] | None = None
        for rule in rules:
            if last is None:
                last = rule if rule.when is None else None
            elif rule.when is None:
                what = (
                    f"{_of(rule, event)} in {_name(node)} has no guard, and neither has the one at {last.where}; keep one, or give a when="
                )
                tree.problem(rule.where, what)
            else:
                what = f"{_of(rule, event)} in {_name(node)} is never looked at: that at {last.where} has no guard; write that last"
                tree.problem(rule.where, what)


def _check_done(tree: Tree, node: Node) -> None:
    finals = [child for child in node.children if child.kind is Kind.FINAL]
    done = node.rules.get(Done(node.name)) if node.name is not None else None
    if finals and node.name is not None and not done:
        tree.problem(
            finals[0].where, f"{finals[0].name} is final inside of {node.name}, which has no on_done(): add it, or no way leads on"
        )
    if done and not finals:
        tree.problem(done[0].where, f"on_done() in {node.name}: there is no final() state inside of it")
    if node.kind is Kind.INITIAL and node.parent is tree.root and not node.children and node.stays:
        return
    start = node.start()
    if node is tree.root and start.kind is Kind.FINAL:
        tree.problem(start.where, f"{start.name} is initial and final: the machine would end before it begins")


def _check_timeouts(tree: Tree, node: Node) -> None:
    for event, rules in node.rules.items():
        if isinstance(event, StateTimeout | EventTimeout):
            told = [rule for rule in rules if rule.seconds is not None]
            for rule in told[1:]:
                what = f"{rule.word}() in {_name(node)} says how long, and so does the one at {told[0].where}; write None here"
                tree.problem(rule.where, what)


# -- ways through it ---------------------------------------------------------------------------------------------------------------------


def leads_to(tree: Tree, rule: Transition[Any]) -> Iterator[Node]:
    """Yield the innermost states that a transition may lead to, as far as the chart says."""
    for target in rule.targets:
        found = tree.resolve(target)
        if found is not None:
            yield found.start()


def possible(tree: Tree, leaf: Node) -> list[Transition[Any]]:
    """Return the transitions that may be taken in an innermost state: not those that come behind another one for the same event."""
    own: list[Any] = [event for node in leaf.chain for event in node.rules if isinstance(event, StateTimeout | EventTimeout)]
    if leaf.kind is Kind.FINAL and leaf.parent is not None and leaf.parent.name is not None:
        own.append(Done(leaf.parent.name))  # nobody else is done
    return list(dict.fromkeys(rule for event in (*alphabet(tree), *own) for rule in candidates(leaf.chain, event)))


def _check_reached(tree: Tree) -> None:
    reached: set[Node] = set()
    todo = [tree.root.start()]
    while todo:
        leaf = todo.pop()
        if leaf in reached:
            continue
        reached.add(leaf)
        for rule in possible(tree, leaf):
            todo += leads_to(tree, rule)
    for node in tree.root.everyone():
        if node is tree.root or any(inside in reached for inside in node.everyone()):
            continue
        if node.parent is tree.root or any(inside in reached for inside in node.parent.everyone()):  # type: ignore[union-attr]
            what = f"{node.name} is never reached: no transition leads there, or others come first wherever one would"
            tree.problem(node.where, f"{what}; add one with to={node.name}, or remove it")


def _check_ways_out(tree: Tree) -> None:
    for leaf in tree.leaves:
        if leaf.kind is Kind.FINAL or any(node.stays for node in leaf.chain):
            continue
        if all(target is leaf for rule in possible(tree, leaf) for target in leads_to(tree, rule)) and not _remembers(tree, leaf):
            what = f"no way leads out of {leaf.name}: give it a transition, make it final({leaf.name}), or say stays=True if that is meant"
            tree.problem(leaf.where, what)


def _remembers(tree: Tree, leaf: Node) -> bool:
    """Tell whether a history may lead elsewhere."""
    return any(isinstance(target, History) for rule in possible(tree, leaf) for target in rule.targets)


# -- events ------------------------------------------------------------------------------------------------------------------------------


def alphabet(tree: Tree) -> dict[Any, str]:
    """Return the events that a machine knows, each with the first line that names it. An Enum stands for its members."""
    found: dict[Any, str] = {}
    for node in tree.root.everyone():
        for event, rule in node.transitions():
            if isinstance(event, StateTimeout | EventTimeout | Done):
                continue
            for one in _members(event):
                found.setdefault(one, rule.where)
    return found


def _members(event: Any) -> Iterable[Any]:
    return tuple(event) if isinstance(event, type) and issubclass(event, Enum) else (event,)


def _check_handled(tree: Tree) -> None:
    known = alphabet(tree)
    for leaf in tree.leaves:
        if leaf.kind is Kind.FINAL:
            continue
        own = [event for node in leaf.chain for event in node.rules if isinstance(event, StateTimeout | EventTimeout | Done)]
        for event in (*known, *dict.fromkeys(own)):
            found = candidates(leaf.chain, event)
            if not found:
                what = f"{leaf.name} does not say what becomes of {event_text(event)} (named at {known[event]})"
                words = "on(), ignore(), postpone() or refuse()"
                if isinstance(event, NamedTimeout):
                    words = f"timeout({event.key!r}), which does nothing unless told otherwise"
                tree.problem(leaf.where, f"{what}: add {words}, here or in the chart itself")
            elif found[-1].when is not None:
                what = f"{leaf.name} does not say what becomes of {event_text(event)} if no guard holds"
                tree.problem(found[-1].where, f"{what}: add the same without when= behind this one")


def _check_replies(tree: Tree, machine: type[Any], names: dict[str, Any]) -> None:
    """An action for a `Request[R]` returns an R."""
    seen: set[int] = set()
    for node in tree.root.everyone():
        for event, rule in node.transitions():
            if not (isinstance(event, type) and issubclass(event, Request)) or id(rule) in seen:
                continue
            seen.add(id(rule))
            if rule.verdict in (Verdict.POSTPONE, Verdict.REFUSE) or rule.aside:
                continue
            do = bound(machine, rule.do) if rule.do is not None else None
            why = reply_problem(event, do, {**names, **vars(machine)})
            if why is not None:
                tree.problem(rule.where, f"{_of(rule, event)} in {_name(node)} {why}")


def _name(node: Node) -> str:
    return "the chart" if node.name is None else str(node.name)


def _of(rule: Transition[Any], event: Any) -> str:
    return f"{rule.word}()" if isinstance(event, StateTimeout | EventTimeout | Done) else f"{rule.word}({event_text(event)})"
