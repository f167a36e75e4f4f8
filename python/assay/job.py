"""Jobs, trials and verdicts: what was searched, and what came of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Optional, Sequence, Union

from . import _assay, _html
from ._frames import Kind, kind_of, need, table
from ._progress import bar
from .errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from .home import Place
    from .plot import JobPlots, TrialPlots

__all__ = ["Job", "Trial", "Verdict"]

#: Kinds of result files.
KINDS = ("trials", "folds", "equity", "analysis", "sketches", "fidelity")


class Job:
    """A job of a home or of a cluster.

    ``assay.run`` and ``assay.sweep`` give one back; ``assay.Job("j_...")`` finds one again.
    """

    def __init__(
        self,
        name: str,
        *,
        home: Union[str, Path, None] = None,
        _place: Optional["Place"] = None,
        _record: Optional[dict[str, Any]] = None,
    ) -> None:
        from .home import Place

        self._place = _place or Place(home=home)
        self._record: dict[str, Any] = _record or json.loads(self._place.native().job(str(name)))
        self._fetched: Optional[Path] = None
        #: How many trials the call that made this object computed; the others were found.
        self.computed: int = 0

    @classmethod
    def _of(cls, place: "Place", record: dict[str, Any], computed: int = 0) -> "Job":
        job = cls(record["job_id"], _place=place, _record=record)
        job.computed = computed
        return job

    # -- what is known of it

    @property
    def id(self) -> str:
        """Its id, ``j_`` and 16 digits: the same for the same job on the same data, anywhere."""
        return str(self._record["job_id"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self._record["name"])

    @property
    def state(self) -> str:
        """Where it is: ``queued``, ``running``, ``paused``, ``done``, ``failed`` or ``stopped``."""
        return str(self._record["state"])

    @property
    def fingerprint(self) -> Optional[str]:
        """The same for the same rows, whatever machine they were computed on; ``None`` before the job is done."""
        found = self._record["fingerprint"]
        return None if found is None else str(found)

    @property
    def params(self) -> list[str]:
        """Names of its parameters, whose columns are ``param.<name>``."""
        return [str(name) for name in self._record["params"]]

    @property
    def goal(self) -> str:
        """What it ranks by, such as ``sharpe`` or ``-max_drawdown``."""
        return str(self._record["goals"][0])

    @property
    def spec(self) -> dict[str, Any]:
        """The job with its defaults filled in; under ``source`` as it was written."""
        return dict(self._record["spec"])

    @property
    def record(self) -> dict[str, Any]:
        """Everything that the database says of it."""
        return dict(self._record)

    def refresh(self) -> "Job":
        """Asks again how it is."""
        self._record = json.loads(self._place.native().job(self.id))
        return self

    # -- results

    def path(self, kind: str = "trials") -> Path:
        """Folder of its result files of a kind: Parquet for whatever reads it."""
        if kind not in KINDS:
            raise UsageError(f"there are no results of kind `{kind}`", hint=", ".join(KINDS))
        return Path(self._record["results"]) / f"kind={kind}" / f"job={self.id}"

    def files(self, kind: str = "trials") -> list[Path]:
        """Its result files of a kind, in the order of their rows. Those with all trials of a job of a cluster are fetched into the cache of the home, once."""
        folder = self.path(kind)
        if self._place.is_cluster and not folder.is_dir():
            if kind != "trials":
                raise NotFoundError(
                    f"the files of kind `{kind}` of {self.id} are not on this machine: {folder}",
                    hint="`folds`, `importance` and `verdict` ask the cluster",
                )
            # Asked for once: the rows of a job that is done stay what they are.
            self._fetched = self._fetched or Path(self._place.native().fetch(self.id))
            folder = self._fetched
        found = sorted(folder.glob("part-*.parquet"))
        if not found:
            if kind == "folds" or kind == "equity":
                raise NotFoundError(f"job `{self.name}` ({self.id}) has no folds", hint="they come from [validation] method = \"walk_forward\"")
            raise NotFoundError(
                f"job `{self.name}` ({self.id}) has no result files: it is {self.state}",
                hint="they are there when a job is done: run it again to finish it",
            )
        return found

    def _scan(self, kind_of_rows: str, columns: Optional[Sequence[str]], kind: Optional[Kind]) -> Any:
        files = [str(path) for path in self.files(kind_of_rows)]
        wanted = kind_of(kind)
        if columns is not None:
            self._check(kind_of_rows, columns)
        if wanted == "polars":
            lazy = need("polars", 'kind="polars"').scan_parquet(files)
            return lazy if columns is None else lazy.select(list(columns))
        import pyarrow.dataset as ds

        dataset = ds.dataset(files, format="parquet")
        if wanted == "arrow":
            return dataset if columns is None else dataset.to_table(columns=list(columns))
        return table(dataset.to_table(columns=None if columns is None else list(columns)), "pandas")

    def _check(self, kind: str, columns: Sequence[str]) -> None:
        import difflib

        if isinstance(columns, str):
            raise UsageError(f"columns are text: `{columns}`", hint=f"a list of names: columns=[{columns!r}]")
        known = [str(column["name"]) for column in self._columns(kind)]
        for name in columns:
            if name not in known:
                near = [f"param.{name}"] if name in self.params else difflib.get_close_matches(name, known, 1)
                hint = f"did you mean `{near[0]}`?" if near else "`describe_columns()` lists them"
                raise NotFoundError(f"there is no column `{name}`", hint=hint)

    def trials(self, columns: Optional[Sequence[str]] = None, *, kind: Optional[Kind] = None) -> Any:
        """A row of every trial that was kept: parameters as ``param.<name>``, metrics, ``error`` of those that failed.

        With polars a ``LazyFrame``, so that ``job.trials().select(...).collect()`` reads what it needs; with pandas a DataFrame
        (name the ``columns`` where there are many rows); with ``kind="arrow"`` a dataset.
        """
        return self._scan("trials", columns, kind)

    def folds(self, *, kind: Optional[Kind] = None) -> Any:
        """A row of every fold of a walk forward, in and out of sample."""
        batch = self._place.native().folds(self.id)
        if batch.num_rows == 0:
            raise NotFoundError(
                f"job `{self.name}` ({self.id}) has no folds", hint='they come from [validation] method = "walk_forward"'
            )
        return table(batch, kind)

    def walk(self, *, kind: Optional[Kind] = None) -> Any:
        """The curve of all test windows of a walk forward, one after the other."""
        import pyarrow.parquet as pq

        return table(pq.read_table([str(path) for path in self.files("equity")], partitioning=None), kind)

    def top(self, n: int = 20, by: Optional[str] = None, *, kind: Optional[Kind] = None) -> Any:
        """The ``n`` best points by the job's objective, or by a metric: ``"-volatility"`` has the smallest first."""
        return table(self._place.native().top(self.id, n, by), kind)

    def best(self, rank: int = 1, by: Optional[str] = None) -> "Trial":
        """One of the best trials."""
        if rank < 1:
            raise UsageError(f"rank {rank}", hint="the best one is of rank 1")
        ids = self._place.native().top(self.id, rank, by).column("trial_id")
        if len(ids) < rank:
            raise NotFoundError(f"job `{self.name}` ({self.id}) has {len(ids)} ranked points", hint="ask for a better rank")
        return self.trial(ids[rank - 1].as_py())

    def trial(self, trial: Union[str, "Trial"]) -> "Trial":
        """A trial by its id."""
        return trial if isinstance(trial, Trial) else Trial(trial, _place=self._place, _job=self)

    def trades(self, trial: Union[str, "Trial"], *, kind: Optional[Kind] = None) -> Any:
        """The trades of a trial, as they are kept, or run again where they are not."""
        return self.trial(trial).trades(kind=kind)

    def equity(self, trial: Union[str, "Trial"], *, kind: Optional[Kind] = None) -> Any:
        """Equity, buy-and-hold and drawdown of a trial at the close of every bar: it is run again."""
        return self.trial(trial).equity(kind=kind)

    def importance(self, *, kind: Optional[Kind] = None) -> Any:
        """Shares of the variance of the objective that parameters explain, alone or with another."""
        return table(self._place.native().importance(self.id), kind)

    def _columns(self, kind: str) -> list[dict[str, Any]]:
        import pyarrow.parquet as pq

        # The files describe themselves, wherever they are.
        metadata = pq.read_metadata(self.files(kind)[0]).metadata
        return list(json.loads(metadata[b"assay"])["columns"])

    def describe_columns(self, kind_of_rows: str = "trials", *, kind: Optional[Kind] = None) -> Any:
        """What the columns of its result files mean: name, type, unit, meaning."""
        import pyarrow as pa

        return table(pa.Table.from_pylist(self._columns(kind_of_rows)), kind)

    # -- what can be done with it

    def verdict(self) -> "Verdict":
        """What the best of it is worth, gold or fool's gold. A look at data that were held back is recorded."""
        found, page = self._place.native().verdict(self.id)
        return Verdict(json.loads(found), page, self)

    def wait(self, progress: bool = True) -> "Job":
        """Waits until it is over. Ctrl-C leaves a job of a cluster running."""
        if self.state == "done":
            return self
        if not self._place.is_cluster:
            raise UsageError(
                f"job `{self.name}` ({self.id}) is {self.state}, and nobody runs it",
                hint="a home's jobs run in the call that runs them: call it again to continue",
            )
        shown = bar(self.name, progress)
        try:
            record, computed = self._place.native(shown).wait(self.id)
        finally:
            if shown is not None:
                shown.close()
        self._record, self.computed = json.loads(record), computed
        return self

    def _control(self, control: str) -> "Job":
        if not self._place.is_cluster:
            raise UsageError(
                f"a job of a home cannot be told to {control}",
                hint="it runs in the call that runs it: Ctrl-C stops that, running it again continues",
            )
        self._place.native().control(self.id, control)
        return self.refresh()

    def pause(self) -> "Job":
        """Hands out no more of its tasks; on a cluster."""
        return self._control("pause")

    def resume(self) -> "Job":
        """Goes on after a pause; on a cluster."""
        return self._control("resume")

    def cancel(self) -> "Job":
        """Stops it; what is done is kept, and submitting it again continues. On a cluster."""
        return self._control("cancel")

    @property
    def plot(self) -> "JobPlots":
        """Figures of it: ``heatmap``, ``equity``, ``trades``, ``pareto``, ``walk_forward``, ``importance``."""
        from .plot import JobPlots

        return JobPlots(self)

    def __repr__(self) -> str:
        return f"<Job {self.name} ({self.id}): {self.state}, {self._record['trials']:,} trials>"

    def _repr_html_(self) -> str:
        record = self._record
        facts = {
            "state": self.state,
            "trials": _html.text(record["trials"]),
            "failed": _html.text(record["trials_failed"]),
            "instruments": ", ".join(record["instruments"]),
            "bars": _html.text(record["bars"]),
            "goal": ", ".join(record["goals"]),
            "seconds": _html.text(record["seconds"]),
            "parameters": ", ".join(record["params"]),
        }
        extra = f"<div style='opacity:.65;font-size:11px;margin-top:6px'>fingerprint {self.fingerprint}</div>" if self.fingerprint else ""
        return _html.card(self.name, self.id, facts, extra)


class Trial:
    """One parameter set on one instrument over one window."""

    def __init__(
        self,
        trial: str,
        *,
        home: Union[str, Path, None] = None,
        _place: Optional["Place"] = None,
        _job: Optional[Job] = None,
    ) -> None:
        from .home import Place

        self._place = _place or Place(home=home)
        self._job = _job
        #: Its id, ``t_...``.
        self.id = str(trial)
        self._shown: Optional[dict[str, Any]] = None
        self._equity: Any = None
        self._trades: Any = None

    def _run(self) -> dict[str, Any]:
        if self._shown is None:
            shown, self._trades, self._equity = self._place.native().trial(self.id)
            self._shown = json.loads(shown)
        return self._shown

    @property
    def job(self) -> Job:
        """The job that it is of."""
        if self._job is None:
            self._job = Job("j_" + self.id.split("_")[1], _place=self._place)
        return self._job

    @property
    def instrument(self) -> str:
        """Its instrument."""
        return str(self._run()["instrument"])

    @property
    def params(self) -> dict[str, Any]:
        """Its parameters."""
        return dict(self._run()["params"])

    @property
    def metrics(self) -> dict[str, Any]:
        """Its metrics as they are stored; ``None`` where one is undefined."""
        return dict(self._run()["metrics"])

    @property
    def replay(self) -> dict[str, Any]:
        """What only a replay knows: value at risk, omega, ulcer index and so on."""
        return dict(self._run()["replay"])

    def __getitem__(self, metric: str) -> Any:
        metrics = self.metrics
        if metric not in metrics:
            import difflib

            near = difflib.get_close_matches(metric, metrics, 1)
            raise NotFoundError(f"there is no metric `{metric}`", hint=f"did you mean `{near[0]}`?" if near else "see `trial.metrics`")
        return metrics[metric]

    def trades(self, *, kind: Optional[Kind] = None) -> Any:
        """Its trades, in order."""
        if self._trades is None:
            self._trades = self._place.native().trades(self.id)
        return table(self._trades, kind)

    def equity(self, *, kind: Optional[Kind] = None) -> Any:
        """Equity, buy-and-hold and drawdown at the close of every bar."""
        self._run()
        return table(self._equity, kind)

    @property
    def plot(self) -> "TrialPlots":
        """Figures of it: ``equity`` and ``trades``."""
        from .plot import TrialPlots

        return TrialPlots(self)

    def __repr__(self) -> str:
        return f"<Trial {self.id}>"

    def _repr_html_(self) -> str:
        shown = self._run()
        params = ", ".join(f"{name} {_html.text(value)}" for name, value in shown["params"].items())
        title = f"{shown['instrument']}: {params}" if params else str(shown["instrument"])
        return _html.card(title, self.id, _html.metrics(shown["metrics"]), _sparkline(self._equity.column("equity")))


def _sparkline(values: Any, width: int = 480, height: int = 56, points: int = 240) -> str:
    """The curve as a small picture."""
    count = len(values)
    if count < 2:
        return ""
    step = max(1, count // points)
    sample = values.take(list(range(0, count, step)) + [count - 1]).to_pylist()
    low, high = min(sample), max(sample)
    span = (high - low) or 1.0
    line = " ".join(
        f"{i * width / (len(sample) - 1):.1f},{height - 2 - (value - low) / span * (height - 4):.1f}" for i, value in enumerate(sample)
    )
    return (
        f"<svg viewBox='0 0 {width} {height}' width='{width}' height='{height}' style='display:block;margin-top:8px;max-width:100%'>"
        f"<polyline points='{line}' fill='none' stroke='#3b82c4' stroke-width='1.3'/></svg>"
    )


class Verdict:
    """What the best of a search is worth."""

    def __init__(self, found: dict[str, Any], page: str, job: Job) -> None:
        self._found = found
        #: The page of ``assay verdict --html``.
        self.page = page
        self.job = job

    @property
    def grade(self) -> str:
        """``gold``, ``silver``, ``fools_gold`` or ``unproven``."""
        return str(self._found["grade"])

    @property
    def reasons(self) -> list[str]:
        """Why."""
        return [str(reason) for reason in self._found["reasons"]]

    def __getitem__(self, name: str) -> Any:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def keys(self) -> list[str]:
        """Names of what was found."""
        return list(self._found)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``assay verdict -o json``."""
        return dict(self._found)

    def save(self, path: Union[str, Path]) -> Path:
        """Writes the page."""
        path = Path(path)
        path.write_text(self.page, encoding="utf-8")
        return path

    def __repr__(self) -> str:
        return f"<Verdict {self.grade} on {self.job.name} ({self.job.id})>"

    def _repr_html_(self) -> str:
        found = self._found
        facts = {
            "sharpe": _html.text(found["sharpe"]),
            "deflated sharpe": _html.text(found["deflated_sharpe"]),
            "probability of skill (DSR)": _html.text(found["dsr"]),
            "probability of overfitting": _html.text(found["pbo"]),
            "points of this job": _html.text(found["trials_job"]),
            "ever tried": _html.text(found["trials_family"]),
            "neighbours as good": _html.text(found["plateau"], "percent"),
            "costs break even at": _html.text(found["cost_break_even"]),
        }
        grade = self.grade
        return _html.card(
            f"{grade.replace('_', ' ')}: {self.job.name}", self.job.id, facts, _html.bullets(self.reasons), _html.GRADES.get(grade)
        )
