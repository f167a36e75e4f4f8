"""The function table of the strategy language, as functions on arrays: ``assay.indicators.ema(df.close, 20)``.

The same code computes them here and in a strategy, with the same bits. Arguments are those of the language; numbers per bar may be arrays,
Series of pandas or polars, or Arrow arrays, and come back as the same kind; undefined values are NaN. What a function reads besides, such
as ``high`` and ``low`` of ``atr``, is given by name or with a whole frame: ``atr(14, data=df)``. Functions with several outputs are there
output by output (``macd_signal``) and together: ``macd(df.close)`` is a dict.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Callable, Mapping, Optional, cast

from . import _assay
from ._frames import COLUMNS, bars_batch, module_of
from .errors import UsageError

#: Columns that stand for arguments.
_SLOTS = ("close", "open", "high", "low", "volume")


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads(_assay.functions())}


@lru_cache(maxsize=1)
def _families() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, row in _table().items():
        if row["selected_as"]:
            family, output = row["selected_as"]
            found.setdefault(family, {})[output] = name
    return found


def names() -> list[str]:
    """All functions."""
    return sorted({*_table(), *_families()})


def __dir__() -> list[str]:
    return ["names", *names()]


@lru_cache(maxsize=None)
def _function(name: str) -> Callable[..., Any]:
    table, families = _table(), _families()
    if name in table:
        row = table[name]

        def one(*args: Any, data: Any = None, **kwargs: Any) -> Any:
            return _call(row, args, kwargs, data)

        doc = f"{row['signature']}\n\n{row['about']}"
        if row["reads"]:
            doc += "\n\nReads " + ", ".join(row["reads"]) + "."
        if row["source"]:
            doc += f"\n\n{row['source']}"
        one.__name__, one.__qualname__, one.__doc__ = name, name, doc
        return one
    outputs = families[name]

    def several(*args: Any, data: Any = None, **kwargs: Any) -> dict[str, Any]:
        return {output: _call(table[of], args, kwargs, data) for output, of in outputs.items()}

    doc = f"All outputs of {name} by name: {', '.join(outputs)}.\n\n{table[next(iter(outputs.values()))]['signature']}"
    several.__name__, several.__qualname__, several.__doc__ = name, name, doc
    return several


def __getattr__(name: str) -> Callable[..., Any]:
    if name.startswith("_"):
        raise AttributeError(name)
    # `in_`, `if_` and so on: words of Python.
    plain = name.rstrip("_")
    if plain in _table() or plain in _families():
        return _function(plain)
    import difflib

    near = difflib.get_close_matches(name, names(), 1)
    hint = f": did you mean `{near[0]}`?" if near else ""
    raise AttributeError(f"there is no function `{name}`{hint}")


def _call(row: Mapping[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any], data: Any) -> Any:
    """Writes the call in the language, with columns in the place of arrays."""
    name, parameters = row["name"], row["parameters"]
    known = [parameter["name"] for parameter in parameters]
    given: list[tuple[str, Any]] = []
    for at, value in enumerate(args):
        if at >= len(known) and not row["variadic"]:
            raise UsageError(f"{name} takes {len(known)} arguments, {len(args)} are given", hint=row["signature"])
        given.append((known[min(at, len(known) - 1)], value))
    columns: dict[str, Any] = {}
    source: Any = None
    length: Optional[int] = None
    for key, value in kwargs.items():
        if key in known:
            given.append((key, value))
        elif key in row["reads"] or key in COLUMNS:
            columns[key] = value
        else:
            raise UsageError(f"{name} has no parameter `{key}`", hint=row["signature"])
    times = None
    arrays: dict[str, Any] = {}
    if data is not None:
        batch = bars_batch(data)
        arrays = {column: batch.column(column) for column in batch.schema.names if column != "time"}
        times, source, length = _nanoseconds(batch.column("time")), data, batch.num_rows
    for key, value in columns.items():
        arrays[key], source, length = _array(name, key, value, source, length)
    reserved = {*row["reads"], *(arrays if data is not None else ())}
    missing = [column for column in row["reads"] if column in COLUMNS and column not in arrays]
    if missing:
        raise UsageError(
            f"{name} reads {', '.join(row['reads'])}", hint=f"give them by name ({missing[0]}=df.{missing[0]}), or data=df"
        )
    slots = [slot for slot in _SLOTS if slot not in reserved and slot not in arrays]
    kinds = {parameter["name"]: parameter["kind"] for parameter in parameters}
    texts, named = [], False
    for at, (key, value) in enumerate(given):
        if _is_series(value):
            if kinds[key] in ("number", "length"):
                raise UsageError(f"{name}: `{key}` is a single number", hint=row["signature"])
            if not slots:
                raise UsageError(f"{name}: too many arrays in one call", hint="assay.evaluate(df, expression) has no such limit")
            slot = slots.pop(0)
            arrays[slot], source, length = _array(name, key, value, source, length)
            text = _slot_text(slot, arrays[slot], kinds[key])
        elif isinstance(value, bool):
            text = "true" if value else "false"
        elif isinstance(value, str):
            text = value
        elif isinstance(value, (int, float)) or hasattr(value, "item"):
            text = repr(value.item() if hasattr(value, "item") else value)
        else:
            raise UsageError(f"{name}: `{key}` is a {type(value).__name__}", hint=row["signature"])
        named = named or at >= len(args)
        texts.append(f"{key} = {text}" if named else text)
    if length is None:
        raise UsageError(f"{name} of no array", hint="give arrays, or data=df")
    expression = f"{name}({', '.join(texts)})"
    return _like(_assay.evaluate(expression, arrays, times), source, name)


def _slot_text(slot: str, array: Any, kind: str) -> str:
    if kind == "condition":
        return f"({slot} > 0.5)"
    import pyarrow.compute as pc

    # Of a column with holes a computed one is made: the evaluator takes the market's own columns for whole.
    return f"({slot} * 1)" if pc.any(pc.is_nan(array)).as_py() else slot


def _is_series(value: Any) -> bool:
    return not isinstance(value, (str, bytes, bool, int, float)) and (hasattr(value, "__len__") or hasattr(value, "__array__")) and not (
        getattr(value, "ndim", 1) == 0
    )


def _array(name: str, key: str, value: Any, source: Any, length: Optional[int]) -> tuple[Any, Any, int]:
    import pyarrow as pa

    if module_of(value) == "polars":
        array = value.to_arrow()
    elif module_of(value) == "pyarrow":
        array = value
    elif module_of(value) == "pandas":
        array = pa.array(value.to_numpy(dtype=float, na_value=float("nan")))
    else:
        array = pa.array(value)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = pa.concat_arrays(array.chunks)
    try:
        array = array.cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise UsageError(f"{name}: `{key}` holds no numbers but {array.type}", hint="convert it to float") from error
    if array.null_count:
        array = array.fill_null(float("nan"))
    if length is not None and len(array) != length:
        raise UsageError(f"{name}: `{key}` has {len(array):,} values, another array {length:,}", hint="arrays of one length")
    return array, value if source is None else source, len(array)


def _nanoseconds(time: Any) -> Any:
    import pyarrow as pa

    return time.cast(pa.timestamp("ns", time.type.tz)).cast(pa.int64()) if pa.types.is_timestamp(time.type) else None


def _like(values: Any, source: Any, name: str) -> Any:
    kind = module_of(source)
    if kind == "pandas":
        import pandas as pd

        return pd.Series(values.to_numpy(zero_copy_only=False), index=source.index, name=name)
    if kind == "polars":
        import polars as pl

        return pl.Series(name, values)
    if kind == "numpy":
        return values.to_numpy(zero_copy_only=False)
    if isinstance(source, list):
        return cast("list[float]", values.to_pylist())
    return values


__all__ = ["names"]
