"""Writes ``indicators.pyi`` from the function table: ``python -m assay._stubs``. A test compares the two."""

from __future__ import annotations

import keyword
from pathlib import Path
from typing import Any

from . import indicators

_HEAD = '''"""The function table of the strategy language, as functions on arrays. Written by ``python -m assay._stubs``."""

from typing import Any

def names() -> list[str]: ...
def _table() -> dict[str, dict[str, Any]]: ...
def _families() -> dict[str, dict[str, str]]: ...
'''
_TYPES = {"series": "Any", "condition": "Any", "any": "Any", "number": "float", "length": "int"}


def stub() -> str:
    """The text of the file."""
    table, families = indicators._table(), indicators._families()
    lines = [_HEAD]
    for name in sorted({*table, *families}):
        row = table.get(name) or table[next(iter(families[name].values()))]
        result = "Any" if name in table else "dict[str, Any]"
        shown = f"{name}_" if keyword.iskeyword(name) else name
        lines.append(f"def {shown}({_parameters(row)}) -> {result}: ...")
    return "\n".join(lines) + "\n"


def _parameters(row: dict[str, Any]) -> str:
    texts = []
    for at, parameter in enumerate(row["parameters"]):
        name = parameter["name"]
        name = f"{name}_" if keyword.iskeyword(name) else name
        kind = _TYPES[parameter["kind"]]
        if row["variadic"] and at == len(row["parameters"]) - 1:
            texts.append(f"*{name}: {kind}")
        elif parameter["default"] is not None:
            texts.append(f"{name}: {kind} = ...")
        else:
            texts.append(f"{name}: {kind}")
    if not row["variadic"]:
        texts.append("*")
    texts += [f"{name}: Any = ..." for name in row["reads"] if name not in [p["name"] for p in row["parameters"]]]
    return ", ".join([*texts, "data: Any = ..."])


if __name__ == "__main__":
    Path(__file__).with_name("indicators.pyi").write_text(stub(), encoding="utf-8")
