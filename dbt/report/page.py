"""The figures as one HTML page, which opens without a network: charts by Vega, which is part of the file."""

from __future__ import annotations

import json
import re
import typing as t
from html import escape

import vl_convert

if t.TYPE_CHECKING:
    from report.figures import Figure, Table

#: Nothing may be asked from anywhere. Vega makes functions of its expressions, which takes 'unsafe-eval'.
POLICY = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:"

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #fff; --line: #d0d7de; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9da7b3; --paper: #0d1117; --line: #30363d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; font: 16px/1.5 system-ui, sans-serif;
  color: var(--ink); background: var(--paper); }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .25rem; }
p { margin: .25rem 0 .75rem; color: var(--soft); max-width: 45rem; }
figure { margin: 0; } .chart { width: 100%; overflow-x: auto; } summary { cursor: pointer; color: var(--soft); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap; }
td:not(.number) { white-space: normal; min-width: 6rem; max-width: 24rem; overflow-wrap: anywhere; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
"""

SCRIPT = """
const figures = JSON.parse(document.getElementById("figures").textContent);
const dark = window.matchMedia("(prefers-color-scheme: dark)");
function config(wide) {
  const ink = dark.matches ? "#e6edf3" : "#1b1f24", line = dark.matches ? "#30363d" : "#d0d7de";
  const colours = dark.matches
    ? ["#58a6ff", "#ffa657", "#56d364", "#ff7b72", "#d2a8ff", "#f2cc60", "#79c0ff", "#ff9bce"]
    : ["#0b62c4", "#b3500a", "#1a7f37", "#c4232f", "#7a3ec8", "#7d5c00", "#0a7280", "#b4246f"];
  return {
    background: null, font: "system-ui, sans-serif", view: { stroke: null }, bar: { color: colours[0] },
    axis: { labelColor: ink, titleColor: ink, gridColor: line, domainColor: line, tickColor: line, labelFontSize: 12,
      titleFontSize: 12 },
    legend: { labelColor: ink, titleColor: ink, labelFontSize: 12, titleFontSize: 12,
      labelLimit: wide - 60 },
    range: { category: colours },
  };
}
async function draw() {
  for (const [name, spec] of Object.entries(figures)) {
    const place = document.getElementById(name), shown = structuredClone(spec);
    const wide = Math.max(220, Math.min(820, place.clientWidth - 20));
    if (shown.vconcat) for (const chart of shown.vconcat) chart.width = Math.max(180, wide - 90);
    else shown.width = wide, shown.autosize = { type: "fit-x", contains: "padding" };
    await vegaEmbed(place, shown, { actions: false, renderer: "svg", config: config(wide) });
    place.querySelector("svg").setAttribute("role", "img");
    place.querySelector("svg").setAttribute("aria-label", spec.description);
  }
  document.documentElement.dataset.drawn = dark.matches ? "dark" : "light";
}
draw();
dark.addEventListener("change", draw);
let width = window.innerWidth;
window.addEventListener("resize", () => { if (window.innerWidth !== width) { width = window.innerWidth; draw(); } });
"""


def page(title: str, figures: list[Figure], totals: Table, events: Table) -> str:
    """Return the page."""
    drawn = {figure.name: figure.chart for figure in figures if figure.chart}
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<link rel="icon" href="data:,">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>",
        f"<h1>{escape(title)}</h1>",
        "<p>All that is paid or pending. Test orders are left out. Sums of different currencies are kept apart.</p>",
        _table("totals", totals),
        *map(_figure, figures),
        "<h2>Events</h2><p>All that sold something, those that sold most first.</p>",
        _table("events", events),
        "</main>",
        f'<script type="application/json" id="figures">{_json(drawn)}</script>',
        f"<script>{_program(vl_convert.javascript_bundle())}</script>",
        f"<script>{SCRIPT}</script>",
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _figure(figure: Figure) -> str:
    chart = f'<div class="chart" id="{figure.name}"></div>' if figure.chart else "<p>Nothing to show.</p>"
    return (
        f"<section><h2>{escape(figure.title)}</h2><p>{escape(figure.text)}</p><figure>{chart}<figcaption>"
        f"<details><summary>The numbers</summary>{_table(figure.name + '-table', figure.table)}</details>"
        "</figcaption></figure></section>"
    )


def _table(name: str, table: Table) -> str:
    def cell(tag: str, place: int, text: str) -> str:
        scope = ' scope="col"' if tag == "th" else ""
        # Names may be written from right to left.
        kind = " class=number" if place in table.numbers else " dir=auto"
        return f"<{tag}{scope}{kind}>{escape(text)}</{tag}>"

    head = "".join(cell("th", place, text) for place, text in enumerate(table.head))
    rows = ("".join(cell("td", place, text) for place, text in enumerate(row)) for row in table.rows)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="wide"><table id="{name}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _json(value: t.Any) -> str:
    """Return a value as JSON that ends no script element and begins no comment."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def _program(text: str) -> str:
    """Return a program that ends no script element."""
    return re.sub("</(script)", r"<\\/\1", text, flags=re.IGNORECASE)
