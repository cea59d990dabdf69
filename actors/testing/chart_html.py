"""A run as one HTML file: the picture, its steps as a table, and the states of the actors around the step that is looked at."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING

from actors.testing.chart_svg import MOST, svg_chart
from actors.texts import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.testing.trace import Step

__all__ = ["html_chart"]

_STYLE = """
:root { color-scheme: light dark; --line: #d0d7de; --muted: #656d76; --on: #2563eb22; }
@media (prefers-color-scheme: dark) {
  :root { --line: #30363d; --muted: #8b949e; --on: #60a5fa33; }
  body { background: #0d1117; color: #e6edf3; }
}
body { font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Arial, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1.5rem; }
h1 { font-size: 1.3rem; white-space: pre-wrap; }
.picture { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th { text-align: left; color: var(--muted); font-weight: 500; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .6rem; vertical-align: top; }
td { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 12px; overflow-wrap: anywhere; }
[data-step] { cursor: pointer; }
tr.on, td.changed { background: var(--on); }
.on > .gr-hit { fill-opacity: .13; }
.states { position: sticky; bottom: 0; max-height: 40vh; overflow: auto; background: Canvas; }
.hint { color: var(--muted); }
"""
_SCRIPT = """
const data = JSON.parse(document.getElementById("data").textContent);
let place = -1;
function cell(row, text, changed) {
  const made = row.insertCell();
  made.textContent = text === null || text === undefined ? "\\u2014" : text;
  if (changed) made.className = "changed";
}
function showStates() {
  const body = document.getElementById("states");
  if (!body) return;
  const states = new Map();
  for (const step of data.slice(0, place)) if (step.actor) states.set(step.actor, step.after);
  const now = data[place];
  const before = new Map(states);
  if (now.actor) { before.set(now.actor, now.before); states.set(now.actor, now.after); }
  for (const path of Object.keys(now.waiting)) if (!states.has(path)) states.set(path, null);
  body.replaceChildren();
  for (const [path, after] of states) {
    const row = body.insertRow();
    cell(row, path);
    cell(row, before.get(path));
    cell(row, after, after !== before.get(path));
    cell(row, (now.waiting[path] || []).join(", "));
  }
  document.getElementById("when").textContent = "step " + now.number;
}
function show(to) {
  if (to < 0 || to >= data.length) return;
  place = to;
  for (const on of document.querySelectorAll(".on")) on.classList.remove("on");
  for (const one of document.querySelectorAll(`[data-step="${data[to].number}"]`)) {
    one.classList.add("on");
    if (one.tagName === "g") one.scrollIntoView({ block: "nearest" });
  }
  showStates();
}
document.addEventListener("click", event => {
  const step = event.target.closest("[data-step]");
  if (step) show(data.findIndex(one => one.number === Number(step.dataset.step)));
});
document.addEventListener("keydown", event => {
  const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (by) { event.preventDefault(); show(place + by); }
});
"""


def html_chart(steps: Sequence[Step], *, title: str, states: bool = False) -> str:
    """Return a run as one HTML file, which loads nothing from elsewhere.

    It has the picture of `svg_chart` and a table of the steps. A click chooses a step, and the arrow keys walk forwards and back.

    Args:
        steps: of a run, like `Failure.steps`; of more than 500, the last 500 are shown.
        title: heads the page.
        states: show the states of the actors before and after the step, too, and what was under way. They are there if the steps carry
            them: `replay(..., states=True)`.
    """
    shown = steps[-MOST:]
    head = escape(plain(title))
    rows = "\n".join(_row(step) for step in shown)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{head}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{head}</h1>
<p class="hint">A click chooses a step; the arrow keys walk forwards and back.</p>
<div class="picture">
{svg_chart(steps)}</div>
{_STATES if states else ""}<table>
<thead><tr><th>Step</th><th>Time</th><th>From</th><th>To</th><th>What</th><th></th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
<script type="application/json" id="data">{_data(shown, states=states)}</script>
<script>{_SCRIPT}</script>
</body>
</html>
"""


_STATES = """<div class="states"><table>
<thead><tr><th>Actor</th><th>Before <span id="when">the step</span></th><th>After</th><th>Under way to it</th></tr></thead>
<tbody id="states"></tbody>
</table></div>
"""


def _row(step: Step) -> str:
    notes = [f"ran before {older}" for older in step.overtaken]
    if step.overtook and not notes:
        notes = [f"came before {step.overtook} that had waited longer"]
    if step.crash:
        notes.append(f"crashed: {step.crash}")
    what = step.message or step.kind.value
    cells = (str(step.number), f"{step.time:g} s", step.sender or "scenario", step.actor or "scenario", what, "; ".join(notes))
    return f'<tr data-step="{step.number}">{"".join(f"<td>{escape(plain(cell))}</td>" for cell in cells)}</tr>'


def _data(steps: Sequence[Step], *, states: bool) -> str:
    """Return what the script reads, as JSON that cannot end its element."""
    found = []
    for step in steps:
        one: dict[str, object] = {"number": step.number}
        if states:
            one |= {"actor": step.actor, "before": step.before, "after": step.after, "waiting": step.waiting}
        found.append(one)
    return json.dumps(found).replace("<", "\\u003c")
