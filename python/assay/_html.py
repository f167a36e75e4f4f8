"""Cards for notebooks: small, without scripts, readable on light and dark pages."""

from __future__ import annotations

from html import escape
from typing import Any, Iterable, Mapping, Optional

_BOX = (
    "border:1px solid color-mix(in srgb, currentColor 25%, transparent);border-radius:6px;padding:10px 14px;"
    "display:inline-block;max-width:60em;font-family:system-ui,sans-serif;font-size:13px;line-height:1.45"
)
_FAINT = "opacity:.65"
_CELL = "text-align:left;padding:1px 14px 1px 0;border:none;background:none"

#: Metrics of a card, with how they are written.
SHOWN = {
    "sharpe": "number",
    "total_return": "percent",
    "max_drawdown": "percent",
    "calmar": "number",
    "trades": "count",
    "win_rate": "percent",
    "profit_factor": "number",
    "exposure": "percent",
}
GRADES = {"gold": "#b8860b", "silver": "#7d8590", "fools_gold": "#c0392b", "fool's gold": "#c0392b", "unproven": "#7d8590"}


def text(value: Any, form: str = "") -> str:
    """A value as a person reads it."""
    if value is None or (isinstance(value, float) and value != value):
        return "–"
    if form == "percent":
        return f"{100 * value:,.2f} %"
    if form == "count":
        return f"{round(value):,}"
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def card(title: str, subtitle: str, facts: Mapping[str, str], extra: str = "", colour: Optional[str] = None) -> str:
    """A box with a title and pairs of names and values."""
    mark = f"<span style='color:{colour}'>&#9679;</span> " if colour else ""
    head = f"<div style='font-weight:600;font-size:14px'>{mark}{escape(title)}</div>"
    under = f"<div style='{_FAINT};font-family:monospace;font-size:12px'>{escape(subtitle)}</div>" if subtitle else ""
    return f"<div style='{_BOX}'>{head}{under}{pairs(facts)}{extra}</div>"


def pairs(facts: Mapping[str, str], across: int = 4) -> str:
    """Names over values, some beside each other."""
    cells = [
        f"<td style='{_CELL}'><div style='{_FAINT};font-size:11px'>{escape(name)}</div><div>{escape(value)}</div></td>"
        for name, value in facts.items()
    ]
    rows = ["<tr style='background:none'>" + "".join(cells[i : i + across]) + "</tr>" for i in range(0, len(cells), across)]
    return "<table style='margin:6px 0 0;border-collapse:collapse'>" + "".join(rows) + "</table>"


def bullets(lines: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul style='margin:6px 0 0;padding-left:18px'>{items}</ul>" if items else ""


def metrics(found: Mapping[str, Any]) -> dict[str, str]:
    return {name.replace("_", " "): text(found.get(name), form) for name, form in SHOWN.items() if name in found}
