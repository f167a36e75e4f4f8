"""The engine in this process: strategies, backtests and sweeps on DataFrames, and jobs as the command line runs them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping, Optional, Sequence, Union

from . import _assay, _html
from ._frames import bars_batch, index_of, module_of
from ._progress import bar as progress_bar
from ._signals import pack
from .errors import UsageError
from .home import PathLike, Place
from .job import Job, Trial

__all__ = ["Strategy", "strategy", "Instrument", "Spec", "backtest", "sweep", "run", "plan", "evaluate"]

#: Symbol of bars whose instrument nobody named: multiplier 1, any fraction of a unit, open all the time.
UNNAMED = "FRAME"


class Strategy:
    """A strategy that is known to be right: typed, sized, and tested not to see the future."""

    def __init__(self, text: str) -> None:
        self._found: dict[str, Any] = json.loads(_assay.strategy(text))

    @property
    def name(self) -> str:
        """Its name."""
        return str(self._found["name"])

    @property
    def about(self) -> str:
        """What it does, in a line."""
        return str(self._found["about"])

    @property
    def source(self) -> str:
        """Its text."""
        return str(self._found["source"])

    @property
    def params(self) -> dict[str, Any]:
        """Its parameters with ranges and defaults."""
        return {param["name"]: {"values": param["domain"], "default": param.get("default")} for param in self._found["params"]}

    @property
    def rules(self) -> dict[str, str]:
        """Its rules."""
        return dict(self._found["rules"])

    @property
    def points(self) -> Optional[int]:
        """Points of its own space; ``None`` if that is continuous."""
        found = self._found["points"]
        return None if found is None else int(found)

    @property
    def warmup(self) -> int:
        """Bars before its rules can be defined, with its defaults."""
        return int(self._found["warmup"]["default"])

    def __repr__(self) -> str:
        return f"<Strategy {self.name}: {self.about}>"

    def _repr_html_(self) -> str:
        facts = {name.replace("_", " "): rule for name, rule in self.rules.items()}
        facts |= {"points": _html.text(self.points), "warm-up": f"{self.warmup:,} bars"}
        return _html.card(self.name, self.about, facts)


def strategy(text: str) -> Strategy:
    """Checks a strategy: its text, the name of one of the library, or the path of a file.

    Raises :class:`~assay.errors.UsageError` with the message of the command line: what is wrong, where in which expression, and the
    nearest name.
    """
    return Strategy(text)


@dataclass(frozen=True)
class Instrument:
    """An instrument and its facts, where they are others than the home knows of the symbol."""

    symbol: str
    #: Smallest price step; 0 when unknown.
    tick: float = 0.0
    #: Smallest quantity step in units; 0 allows any fraction.
    lot: float = 0.0
    #: Quote currency gained by one unit when the price rises by 1.
    multiplier: float = 1.0
    #: Quote currency.
    currency: str = "USD"
    #: Trading hours, as the table of symbols has them; open all the time by default.
    calendar: Optional[Mapping[str, Any]] = None
    about: str = ""

    def facts(self) -> dict[str, Any]:
        """As ``instruments.toml`` has them."""
        found = {name: getattr(self, name) for name in ("tick", "lot", "multiplier", "currency", "about")}
        return found if self.calendar is None else {**found, "calendar": dict(self.calendar)}


@dataclass
class Spec:
    """A job, built up in Python: the tables of a job file."""

    name: str
    instruments: Sequence[str]
    bars: str
    strategy: Union[str, Strategy]
    params: Mapping[str, Any] = field(default_factory=dict)
    start: Optional[str] = None
    end: Optional[str] = None
    execution: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    search: Mapping[str, Any] = field(default_factory=dict)
    objective: Union[str, Mapping[str, Any]] = field(default_factory=dict)
    validation: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Any] = field(default_factory=dict)
    fidelity: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The job as a dict."""
        data: dict[str, Any] = {"instruments": list(self.instruments), "bars": self.bars, "from": self.start, "to": self.end}
        objective = {"maximize": self.objective} if isinstance(self.objective, str) else dict(self.objective)
        tables = {
            "execution": self.execution,
            "metrics": self.metrics,
            "search": self.search,
            "objective": objective,
            "validation": self.validation,
            "results": self.results,
            "fidelity": self.fidelity,
        }
        found: dict[str, Any] = {
            "name": self.name,
            "data": {name: value for name, value in data.items() if value is not None},
            "strategy": self.strategy,
            "params": space(self.params),
        }
        return found | {name: dict(table) for name, table in tables.items() if table}


def space(given: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as a job file has them.

    ``range(5, 50)`` and ``(5, 49)`` are whole numbers from 5 to 49; ``(0.1, 2.0)`` is a range of numbers, ``(0.1, 2.0, 0.1)`` one with
    steps; evenly spaced lists and arrays of numbers are such ranges; lists of text are choices; a single value is fixed; tables are taken
    as they are, and ``where`` is a condition.
    """
    return {name: _values(name, values) for name, values in given.items()}


def _values(name: str, values: Any) -> Any:
    if values is None:
        raise UsageError(f"parameter `{name}` is None", hint="leave it out to use the strategy's default")
    if isinstance(values, Mapping):
        return dict(values)
    if isinstance(values, (str, bool, int, float)):
        return values
    if isinstance(values, range):
        if len(values) == 0:
            raise UsageError(f"parameter `{name}`: {values!r} is empty")
        return values[0] if len(values) == 1 else _whole(min(values), max(values), abs(values.step))
    if hasattr(values, "tolist"):
        values = values.tolist()
        if not isinstance(values, list):
            return values
    if isinstance(values, tuple) and len(values) in (2, 3) and all(_is_number(value) for value in values):
        low, high, *step = values
        if all(isinstance(value, int) for value in values):
            return _whole(low, high, *step)
        found: dict[str, Any] = {"float": [float(low), float(high)]}
        return found | {"step": float(step[0])} if step else found
    values = list(values)
    if not values:
        raise UsageError(f"parameter `{name}` has no values")
    if len(values) == 1:
        return values[0]
    if all(isinstance(value, str) for value in values):
        return {"choice": values}
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        steps = {b - a for a, b in zip(values, values[1:])}
        if len(steps) == 1 and min(steps) > 0:
            return _whole(values[0], values[-1], steps.pop())
    elif all(_is_number(value) for value in values):
        step_size = (values[-1] - values[0]) / (len(values) - 1)
        even = all(abs(values[0] + i * step_size - value) <= 1e-9 * max(1.0, abs(value)) for i, value in enumerate(values))
        if even and step_size > 0:
            return {"float": [float(values[0]), float(values[-1])], "steps": len(values)}
    raise UsageError(
        f"parameter `{name}`: {values!r} is no range",
        hint="numbers are evenly spaced and ascending, or a tuple (low, high, step); texts are choices",
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _whole(low: int, high: int, step: int = 1) -> dict[str, Any]:
    return {"int": [low, high]} if step == 1 else {"int": [low, high], "step": step}


Text = tuple[Optional[Path], Optional[str], Optional[str]]


def _text_of(spec: Union[PathLike, Mapping[str, Any], Spec]) -> Text:
    """File, or tables as JSON and the text of the strategy."""
    if isinstance(spec, Spec):
        spec = spec.to_dict()
    if isinstance(spec, Mapping):
        job = _without_none(spec)
        given = job.get("strategy")
        source = None
        if isinstance(given, Strategy):
            source, job["strategy"] = given.source, {"use": given.name}
        elif isinstance(given, str):
            if "\n" in given:
                source, job["strategy"] = given, {"use": Strategy(given).name}
            else:
                job["strategy"] = {"use": given}
        return None, json.dumps(job, default=_plain), source
    if isinstance(spec, (str, os.PathLike)):
        return Path(os.fspath(spec)), None, None
    raise UsageError(f"a {type(spec).__name__} is no job", hint="give the path of a job file, a dict, or assay.Spec(...)")


def _without_none(table: Mapping[str, Any]) -> dict[str, Any]:
    """What is None is left out, as in a job file."""
    found = {name: value for name, value in table.items() if value is not None}
    return {name: _without_none(value) if isinstance(value, Mapping) else value for name, value in found.items()}


def _plain(value: Any) -> Any:
    """What JSON does not know: numbers of numpy, times, paths."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise UsageError(f"a job holds a {type(value).__name__}: {value!r}", hint="numbers, text, lists and dicts")


def run(
    spec: Union[PathLike, Mapping[str, Any], Spec],
    *,
    home: Optional[PathLike] = None,
    threads: Optional[int] = None,
    memory: Optional[str] = None,
    progress: bool = True,
) -> Job:
    """Runs a job in this process, continues it, or finds it done: what ``assay run`` does, with the same rows and fingerprint.

    ``spec`` is the path of a job file, the same tables as a dict, or a :class:`Spec`. Ctrl-C stops after the trials at hand; running it
    again continues.
    """
    place = Place(home, threads=threads, memory=memory)
    file, tables, source = _text_of(spec)
    shown = progress_bar("trials", progress)
    try:
        record, computed = place.native(shown).run(file, tables, source)
    finally:
        if shown is not None:
            shown.close()
    return Job._of(place, json.loads(record), computed)


def plan(
    spec: Union[PathLike, Mapping[str, Any], Spec],
    *,
    home: Optional[PathLike] = None,
    threads: Optional[int] = None,
    memory: Optional[str] = None,
) -> dict[str, Any]:
    """What a job would take: trials, bars, disk, memory and time, from a short sample."""
    file, tables, source = _text_of(spec)
    found: dict[str, Any] = json.loads(Place(home, threads=threads, memory=memory).native().plan(file, tables, source))
    return found


def sweep(
    data: Any,
    strategy: Union[str, Strategy, None] = None,
    space: Optional[Mapping[str, Any]] = None,
    *,
    signals: Any = None,
    instrument: Union[str, Instrument, None] = None,
    bar: Optional[str] = None,
    bars: Optional[str] = None,
    tz: Optional[str] = None,
    start: Optional[str] = None,
    end: Optional[str] = None,
    name: Optional[str] = None,
    search: Union[str, Mapping[str, Any], None] = None,
    objective: Union[str, Mapping[str, Any], None] = None,
    validation: Optional[Mapping[str, Any]] = None,
    metrics: Optional[Mapping[str, Any]] = None,
    results: Optional[Mapping[str, Any]] = None,
    home: Optional[PathLike] = None,
    threads: Optional[int] = None,
    memory: Optional[str] = None,
    progress: bool = True,
    **execution: Any,
) -> Job:
    """Runs a search over bars in a DataFrame, on all cores, and enters it in the ledger of the home like any other job.

    Parameters
    ----------
    data
        Bars: a DataFrame of pandas or polars, anything of Arrow, or a dict of them by symbol. Times (the index, or a column ``time``) are
        starts of bars, with a zone; ``open, high, low, close`` and, if there is one, ``volume``. Contiguous columns are not copied.
    strategy
        Name of the library, path, text, or what :func:`strategy` gave.
    space
        Ranges of parameters, see :func:`space`; without it the strategy's own.
    signals
        Instead of a strategy: boolean arrays of any Python code, ``{"enter_long": ..., "exit_long": ...}``, 1-D or rows x trials.
        ``signals[i]`` is known at the end of row ``i``.
    instrument
        A symbol whose facts (lot, multiplier, trading hours) the home knows, or an :class:`Instrument`.
    bar, bars
        What a row covers, by default the shortest step; and the bars that are traded, made from the rows, by default the rows themselves.
    tz
        Zone of times that say none.
    search, objective, validation, metrics, results
        The tables of a job file; ``search="random"`` and ``objective="calmar"`` are short for their first key.
    **execution
        Keys of ``[execution]``: ``fill``, ``direction``, ``commission``, ``slippage``, ``size``, ``stop_loss``, ...
    """
    frames = _frames_of(data, instrument, bar, tz)
    table = None
    if signals is not None:
        table, strategy, space = _signal_strategy(signals, strategy, space, data, frames, execution)
    if strategy is None:
        raise UsageError("neither a strategy nor signals", hint='strategy="ma_cross", or signals={"enter_long": ..., "exit_long": ...}')
    job: dict[str, Any] = {
        "data": {"instruments": [frame[0] for frame in frames], "bars": bars, "from": start, "to": end},
        "strategy": strategy,
        "execution": {key: value for key, value in execution.items() if value is not None},
        "search": {"method": search} if isinstance(search, str) else search,
        "objective": {"maximize": objective} if isinstance(objective, str) else objective,
        "validation": validation,
        "metrics": metrics,
        "results": results,
    }
    job["data"] = {key: value for key, value in job["data"].items() if value is not None}
    if space is not None:
        job["params"] = _space(space)
    job["name"] = name or _name(strategy)
    _, tables, source = _text_of(job)
    assert tables is not None
    place = Place(home, threads=threads, memory=memory)
    shown = progress_bar(job["name"], progress)
    try:
        record, computed = place.native(shown).run_on(tables, source, frames, table)
    finally:
        if shown is not None:
            shown.close()
    return Job._of(place, json.loads(record), computed)


_space = space


def backtest(
    data: Any,
    strategy: Union[str, Strategy, None] = None,
    params: Optional[Mapping[str, Any]] = None,
    *,
    signals: Any = None,
    instrument: Union[str, Instrument, None] = None,
    bar: Optional[str] = None,
    bars: Optional[str] = None,
    tz: Optional[str] = None,
    start: Optional[str] = None,
    end: Optional[str] = None,
    name: Optional[str] = None,
    metrics: Optional[Mapping[str, Any]] = None,
    home: Optional[PathLike] = None,
    **execution: Any,
) -> Trial:
    """Runs one parameter set on bars in a DataFrame; arguments are those of :func:`sweep`.

    It is a job of one trial: entered in the ledger, found again when it is asked again, the same numbers as everywhere.
    """
    given = dict(params or {})
    if signals is None:
        checked = strategy if isinstance(strategy, Strategy) or strategy is None else Strategy(strategy)
        strategy = checked
        if checked is not None:
            unknown = [known for known in given if known not in checked.params]
            if not unknown:
                given = _defaults(checked) | given
    for parameter, value in given.items():
        if not isinstance(value, (str, int, float)) and not hasattr(value, "item"):
            raise UsageError(f"parameter `{parameter}` of a backtest is {value!r}", hint="one value; `assay.sweep` takes ranges")
    given = {name: value.item() if hasattr(value, "item") else value for name, value in given.items()}
    job = sweep(
        data,
        strategy,
        given if given or signals is None else None,
        signals=signals,
        instrument=instrument,
        bar=bar,
        bars=bars,
        tz=tz,
        start=start,
        end=end,
        name=name,
        metrics=metrics,
        home=home,
        progress=False,
        **execution,
    )
    if job.record["trials"] != 1:
        raise UsageError(
            f"a backtest of {job.record['trials']:,} trials", hint="one trial an instrument: `assay.sweep` takes 2-D signals and several frames"
        )
    if job.record["trials_failed"]:
        reason = job.trials(["error"], kind="arrow").column("error")[0].as_py()
        raise UsageError(f"the trial failed: {reason}", hint="change the parameters")
    return job.trial(f"t_{job.id[2:]}_0_0")


def _defaults(checked: Strategy) -> dict[str, Any]:
    """Values of parameters that a backtest leaves out."""
    return {
        name: param["default"] if param["default"] is not None else _first(param["values"]) for name, param in checked.params.items()
    }


def _first(domain: Any) -> Any:
    """The first value of a range, or the one there is."""
    while isinstance(domain, dict):
        domain = domain["low"] if "low" in domain else next(iter(domain.values()))
    return domain[0] if isinstance(domain, list) else domain


def _name(strategy: Union[str, Strategy]) -> str:
    if isinstance(strategy, Strategy):
        return strategy.name
    if "\n" in strategy:
        return Strategy(strategy).name
    return Path(strategy).stem


Frames = list[tuple[str, Optional[str], Optional[str], Any]]


def _frames_of(data: Any, instrument: Union[str, Instrument, None], bar: Optional[str], tz: Optional[str]) -> Frames:
    if isinstance(data, Mapping):
        if instrument is not None:
            raise UsageError("several frames and one instrument", hint="the keys of the dict are the symbols")
        if not data:
            raise UsageError("no frames", hint="{symbol: DataFrame}")
        items = [(key if isinstance(key, Instrument) else Instrument(str(key)), isinstance(key, Instrument), frame) for key, frame in data.items()]
    else:
        given = isinstance(instrument, Instrument)
        of = instrument if isinstance(instrument, Instrument) else Instrument(instrument or UNNAMED)
        items = [(of, given, data)]
    return [
        (of.symbol, json.dumps(of.facts(), default=_plain) if given else None, bar, bars_batch(frame, tz)) for of, given, frame in items
    ]


def _signal_strategy(
    signals: Any,
    strategy: Union[str, Strategy, None],
    space: Optional[Mapping[str, Any]],
    data: Any,
    frames: Frames,
    execution: dict[str, Any],
) -> tuple["_assay.Table", str, Optional[Mapping[str, Any]]]:
    """The table of signals, and the text of a strategy that takes them."""
    if strategy is not None:
        raise UsageError("both a strategy and signals", hint="stops and sizes go beside signals as they are: stop_loss='2%'")
    if len(frames) != 1:
        raise UsageError("signals on several frames", hint="one call for each frame")
    table = pack(signals, frames[0][3].num_rows, index_of(data))
    if any(rule.endswith("short") for rule in table.rules):
        only_short = not any(rule.endswith("long") for rule in table.rules)
        execution.setdefault("direction", "short" if only_short else "both")
    last = table.trials - 1
    trial = "0" if last == 0 else f"{{ int = [0, {last}], default = 0 }}"
    rules = ", ".join(f'"{rule}"' for rule in table.rules)
    text = (
        'name = "signals"\nabout = "Entries and exits that a program computed."\n'
        f'[params]\ntrial = {trial}\n[signals]\ntable = "{table.hash}"\nrules = [{rules}]\n'
    )
    return table, text, space


def evaluate(data: Any, expression: str, *, tz: Optional[str] = None) -> Any:
    """Values of an expression of the language at every bar of a DataFrame, in the caller's kind of column; undefined ones are NaN.

    ``assay.evaluate(df, "rsi(close, 14)")``; conditions are 1 and 0.
    """
    import pyarrow as pa

    batch = bars_batch(data, tz)
    columns = {name: batch.column(name).cast(pa.float64()) for name in batch.schema.names if name != "time"}
    times = batch.column("time").cast(pa.timestamp("ns", "UTC"), safe=False) if pa.types.is_timestamp(batch.column("time").type) else None
    values = _assay.evaluate(expression, columns, None if times is None else times.cast(pa.int64()))
    source = module_of(data)
    if source == "pandas":
        import pandas as pd

        return pd.Series(values.to_numpy(zero_copy_only=False), index=data.index, name=expression)
    if source == "polars":
        import polars as pl

        return pl.Series(expression, values)
    return values
