"""Between DataFrames of pandas, polars and Arrow, and Arrow columns.

Nothing here imports a library that the caller does not use: what is handed over is recognised by the module of its type.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING, Any, Iterable, Literal, Optional

from .errors import MissingLibraryError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["polars", "pandas", "arrow"]

#: What a time column may be called.
TIME_NAMES = ("time", "timestamp", "datetime", "date", "open_time", "index")
_LIBRARIES: tuple[Kind, ...] = ("polars", "pandas")
COLUMNS = ("open", "high", "low", "close", "volume")

_chosen: Optional[Kind] = None


def set_frames(kind: Optional[Kind]) -> None:
    """Which library tables come back in: ``"polars"``, ``"pandas"`` or ``"arrow"``; ``None`` for the one that is installed."""
    global _chosen
    if kind not in (None, "polars", "pandas", "arrow"):
        raise UsageError(f"there is no kind of table `{kind}`", hint="polars, pandas or arrow")
    _chosen = kind


def installed(name: str) -> bool:
    return name in sys.modules or importlib.util.find_spec(name) is not None


def kind_of(kind: Optional[Kind]) -> Kind:
    """The kind wished for, else what was set, else what the caller has imported, else what is installed."""
    wished = kind or _chosen
    if wished is not None:
        return wished
    imported = [known for known in _LIBRARIES if known in sys.modules]
    found = [*imported, *(known for known in _LIBRARIES if installed(known))]
    return found[0] if found else "arrow"


def need(name: str, what: str) -> Any:
    """A library that is optional."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingLibraryError(f"{what} needs {name}, which is not installed", hint=f"pip install {name}") from error


def table(batch: Any, kind: Optional[Kind] = None) -> Any:
    """A table of the wished kind from an Arrow table or batch, without copying where the library can."""
    import pyarrow as pa

    if isinstance(batch, pa.RecordBatch):
        batch = pa.Table.from_batches([batch])
    wanted = kind_of(kind)
    if wanted == "polars":
        return need("polars", 'kind="polars"').from_arrow(batch)
    if wanted == "pandas":
        need("pandas", 'kind="pandas"')
        return batch.to_pandas(types_mapper=_pandas_types)
    return batch


def _pandas_types(data_type: Any) -> Any:
    """Whole numbers with nulls stay whole, text stays text: pandas' own default makes floats of the former."""
    import pandas as pd
    import pyarrow as pa

    known = {
        pa.int64(): pd.Int64Dtype(),
        pa.uint64(): pd.UInt64Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.uint32(): pd.UInt32Dtype(),
        pa.bool_(): pd.BooleanDtype(),
        pa.string(): pd.StringDtype(),
    }
    return known.get(data_type)


def module_of(value: object) -> str:
    return type(value).__module__.split(".", 1)[0]


def bars_batch(data: Any, tz: Optional[str] = None) -> "pa.RecordBatch":
    """Columns ``time, open, high, low, close, volume`` of a DataFrame as one Arrow batch.

    Contiguous columns of 64-bit floats and times in nanoseconds are handed over without copying, from pandas, polars and Arrow alike.
    Copied once are: columns in several chunks, numbers of another type, times in another unit.
    """
    source = module_of(data)
    if source == "pandas":
        columns = _of_pandas(data, tz)
    elif source == "polars":
        columns = _of_polars(data, tz)
    else:
        columns = _of_arrow(data, tz)
    import pyarrow as pa

    names = list(columns)
    return pa.RecordBatch.from_arrays([columns[name] for name in names], names=names)


def _found(names: Iterable[Any]) -> dict[str, Any]:
    """Columns by their lower-case names; a name twice is an error."""
    found: dict[str, Any] = {}
    for name in names:
        plain = str(name).strip().lower()
        if plain in found and plain in COLUMNS:
            raise UsageError(
                f"two columns are called `{plain}`: `{found[plain]}` and `{name}`",
                hint="keep one of them: df.drop(columns=...)",
            )
        found.setdefault(plain, name)
    return found


def _time_name(found: dict[str, Any]) -> Optional[str]:
    return next((name for name in TIME_NAMES if name in found), None)


def _no_time(names: Iterable[Any]) -> UsageError:
    return UsageError(
        "no column `time`; there are " + ", ".join(f"`{name}`" for name in names),
        hint="make the times the index (pandas), or name the column `time`",
    )


def _of_pandas(data: Any, tz: Optional[str]) -> dict[str, Any]:
    import pandas as pd
    import pyarrow as pa

    if isinstance(data, pd.Series):
        raise UsageError("a Series holds no bars", hint="hand over a DataFrame with open, high, low and close")
    if isinstance(data.columns, pd.MultiIndex):
        raise UsageError(
            "the columns have several levels", hint="choose one instrument first: df.xs('EURUSD', axis=1, level=1)"
        )
    found = _found(data.columns)
    if isinstance(data.index, pd.DatetimeIndex):
        time = data.index
    else:
        name = _time_name(found)
        if name is None:
            raise _no_time(data.columns)
        column = data[found[name]]
        if not pd.api.types.is_datetime64_any_dtype(column.dtype):
            raise UsageError(
                f"column `{found[name]}` is of type {column.dtype}, expected times with a zone",
                hint="convert it: df['time'] = pd.to_datetime(df['time'], utc=True)",
            )
        time = pd.DatetimeIndex(column)
    if time.tz is None and tz is not None:
        time = time.tz_localize(tz)
    columns: dict[str, Any] = {"time": pa.array(time)}
    for name in COLUMNS:
        if name not in found:
            continue
        values = data[found[name]]
        if isinstance(values.dtype, pd.ArrowDtype):
            columns[name] = _one_chunk(values.array.__arrow_array__())
        elif pd.api.types.is_extension_array_dtype(values.dtype):
            columns[name] = pa.array(values, from_pandas=True)
        elif values.dtype == object:
            raise UsageError(
                f"column `{found[name]}` is of type object, expected numbers",
                hint=f"convert it: df['{found[name]}'] = pd.to_numeric(df['{found[name]}'])",
            )
        else:
            # Without from_pandas NaN stays NaN and the buffer is shared.
            columns[name] = pa.array(values.to_numpy())
    return columns


def _of_polars(data: Any, tz: Optional[str]) -> dict[str, Any]:
    import polars as pl

    if isinstance(data, pl.Series):
        raise UsageError("a Series holds no bars", hint="hand over a DataFrame with open, high, low and close")
    if isinstance(data, pl.LazyFrame):
        names = data.collect_schema().names()
        wanted = [name for name in names if str(name).lower() in (*TIME_NAMES, *COLUMNS)]
        data = data.select(wanted).collect()
    found = _found(data.columns)
    name = _time_name(found)
    if name is None:
        raise _no_time(data.columns)
    time = data[found[name]]
    kind = time.dtype
    if isinstance(kind, pl.Date) or kind == pl.Date:
        time = time.cast(pl.Datetime("ns"))
    if isinstance(time.dtype, pl.Datetime) and time.dtype.time_zone is None and tz is not None:
        time = time.dt.replace_time_zone(tz)
    columns = {"time": time.rechunk().to_arrow()}
    for name in COLUMNS:
        if name in found:
            columns[name] = data[found[name]].rechunk().to_arrow()
    return columns


def _of_arrow(data: Any, tz: Optional[str]) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(data, pa.RecordBatch):
        data = pa.Table.from_batches([data])
    elif not isinstance(data, pa.Table):
        if not (hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__")):
            raise UsageError(
                f"a {type(data).__name__} holds no bars",
                hint="hand over a DataFrame of pandas or polars, a pyarrow Table, or {symbol: DataFrame}",
            )
        data = pa.table(data)
    found = _found(data.column_names)
    name = _time_name(found)
    if name is None:
        raise _no_time(data.column_names)
    time = _one_chunk(data.column(found[name]))
    if tz is not None and pa.types.is_timestamp(time.type) and time.type.tz is None:
        time = pc.assume_timezone(time, tz)
    columns = {"time": time}
    for name in COLUMNS:
        if name in found:
            columns[name] = _one_chunk(data.column(found[name]))
    return columns


def _one_chunk(column: Any) -> Any:
    import pyarrow as pa

    if not isinstance(column, pa.ChunkedArray):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    combined = column.combine_chunks()
    return combined if not isinstance(combined, pa.ChunkedArray) else pa.concat_arrays(combined.chunks)


def index_of(data: Any) -> Any:
    """The pandas index of a frame, if it has one that signals may be compared with."""
    return data.index if module_of(data) == "pandas" else None
