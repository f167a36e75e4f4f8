"""Entries and exits that any Python code computed, packed for the engine."""

from __future__ import annotations

from typing import Any, Mapping

from . import _assay
from ._frames import module_of, need
from .errors import UsageError

RULES = ("enter_long", "exit_long", "enter_short", "exit_short")
#: Names that others have for them.
ALIASES = {
    "entries": "enter_long",
    "exits": "exit_long",
    "long_entries": "enter_long",
    "long_exits": "exit_long",
    "short_entries": "enter_short",
    "short_exits": "exit_short",
}


def pack(signals: Any, rows: int, index: Any) -> "_assay.Table":
    """Packs signals: a mapping of rules to boolean arrays, or ``(entries, exits)``.

    An array is 1-D, one value a row, or 2-D, rows x trials. ``signals[i]`` is known at the end of row ``i`` and so is filled after it.
    """
    import pyarrow as pa

    if isinstance(signals, tuple) and len(signals) == 2:
        signals = {"enter_long": signals[0], "exit_long": signals[1]}
    if not isinstance(signals, Mapping):
        raise UsageError(
            f"signals are a {type(signals).__name__}",
            hint='give a dict: signals={"enter_long": entries, "exit_long": exits}',
        )
    found: dict[str, Any] = {}
    for name, values in signals.items():
        rule = ALIASES.get(name, name)
        if rule not in RULES:
            raise UsageError(f"there is no rule `{name}`", hint="rules are " + ", ".join(RULES))
        if rule in found:
            raise UsageError(f"signals of {rule} are given twice", hint=f"`{name}` is another name for it")
        if values is not None:
            found[rule] = _booleans(rule, values, rows, index)
    trials = max((array.shape[1] for array in found.values()), default=1)
    empty = pa.array([], pa.uint8())
    packed = [empty] * len(RULES)
    for rule, array in found.items():
        if array.shape[1] not in (1, trials):
            raise UsageError(
                f"signals of {rule} are of {array.shape[1]} trials, others of {trials}",
                hint="give every rule as many columns, or one that all trials share",
            )
        packed[RULES.index(rule)] = _packed(array, trials)
    return _assay.Table(rows, trials, packed)


def _booleans(rule: str, values: Any, rows: int, index: Any) -> Any:
    """A rows x trials array of booleans."""
    np = need("numpy", "signals=")
    source = module_of(values)
    if source == "pandas" and index is not None:
        _same_index(rule, values.index, index)
    if source in ("pandas", "polars"):
        if hasattr(values, "isna") and bool(np.any(values.isna().to_numpy())):
            row = int(np.argmax(np.atleast_2d(values.isna().to_numpy().T).any(axis=0)))
            raise _hole(rule, row)
        if source == "polars" and hasattr(values, "null_count"):
            _polars_holes(rule, values)
        array = values.to_numpy()
    elif source == "pyarrow":
        if values.null_count:
            raise _hole(rule, values.is_null().to_pylist().index(True))
        array = values.to_numpy(zero_copy_only=False)
    else:
        array = np.asarray(values)
    if array.dtype == object and array.size and all(isinstance(value, (bool, np.bool_)) for value in array.flat):
        array = array.astype(bool)
    if array.dtype != np.bool_:
        raise UsageError(
            f"signals of {rule} are of type {array.dtype}, expected booleans",
            hint="compare, or convert: signals.astype(bool), after filling holes with False",
        )
    if array.ndim == 1:
        array = array.reshape(-1, 1)
    if array.ndim != 2:
        raise UsageError(f"signals of {rule} have {array.ndim} dimensions", hint="1-D, or 2-D as rows x trials")
    if array.shape[0] != rows:
        turned = array.shape[1] == rows
        raise UsageError(
            f"signals of {rule} have {array.shape[0]:,} rows, the bars have {rows:,}",
            hint="turn them round: signals.T" if turned else "compute them on the same frame, without dropping rows",
        )
    if array.shape[1] == 0:
        raise UsageError(f"signals of {rule} have no columns", hint="one column a trial")
    return array


def _hole(rule: str, row: int) -> UsageError:
    return UsageError(f"signals of {rule}: row {row} is missing", hint="fill holes: signals.fillna(False), or fill_null(False)")


def _polars_holes(rule: str, values: Any) -> None:
    holes = values.null_count()
    series = [values] if isinstance(holes, int) else [values[name] for name in values.columns]
    for one in series:
        if one.null_count():
            raise _hole(rule, one.is_null().to_list().index(True))


def _same_index(rule: str, own: Any, bars: Any) -> None:
    if own.equals(bars):
        return
    if len(own) != len(bars):
        raise UsageError(
            f"signals of {rule} have {len(own):,} rows, the bars have {len(bars):,}",
            hint="compute them on the same frame, or signals.reindex(df.index, fill_value=False)",
        )
    row = next((row for row, (a, b) in enumerate(zip(own, bars)) if a != b), 0)
    raise UsageError(
        f"signals of {rule}: row {row} is of {own[row]}, that of the bars of {bars[row]}",
        hint="align them: signals.reindex(df.index, fill_value=False)",
    )


def _packed(array: Any, trials: int) -> Any:
    """Columns one after the other, eight rows a byte."""
    import numpy as np
    import pyarrow as pa

    packed = np.ascontiguousarray(np.packbits(array, axis=0, bitorder="little").T)
    if packed.shape[0] != trials:
        packed = np.repeat(packed, trials, axis=0)
    return pa.array(packed.reshape(-1))
