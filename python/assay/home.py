"""Where jobs are: a home on this machine, or a cluster."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Optional, Union

from . import _assay, _html
from ._frames import Kind, table
from ._progress import Listener
from .job import Job, Trial

__all__ = ["Home", "open"]

PathLike = Union[str, "os.PathLike[str]"]


class Place:
    """A home, or a cluster with a home beside it, and what may be taken of the machine."""

    def __init__(
        self,
        home: Union[PathLike, None] = None,
        *,
        threads: Optional[int] = None,
        memory: Optional[str] = None,
        cluster: Optional[str] = None,
        key: Optional[str] = None,
    ) -> None:
        self._arguments = {
            "home": None if home is None else Path(os.fspath(home)),
            "threads": None if threads is None else str(threads),
            "memory": memory,
            "cluster": cluster,
            "key": key,
        }

    @property
    def is_cluster(self) -> bool:
        return self._arguments["cluster"] is not None

    def native(self, progress: Optional[Listener] = None) -> "_assay.Native":
        return _assay.Native(**self._arguments, progress=progress)  # type: ignore[arg-type]


class Home:
    """A folder with market data, jobs and results: what the command line calls ``--home``."""

    def __init__(self, home: Union[PathLike, None] = None) -> None:
        self._place = Place(home)

    @property
    def path(self) -> Path:
        """The folder."""
        return Path(self._place.native().home)

    def jobs(self, *, kind: Optional[Kind] = None) -> Any:
        """All jobs, newest first."""
        return table(self._place.native().jobs(), kind)

    def job(self, name: str) -> Job:
        """A job by its id, its name, the beginning of its id, or its file."""
        return Job._of(self._place, json.loads(self._place.native().job(name)))

    def trial(self, trial: str) -> Trial:
        """A trial by its id."""
        return Trial(trial, _place=self._place)

    def __repr__(self) -> str:
        return f"<Home {self.path}>"

    def _repr_html_(self) -> str:
        jobs = self._place.native().jobs()
        latest = [f"{name} ({job}): {state}" for name, job, state in zip(*(jobs.column(c).to_pylist()[:5] for c in ("name", "job_id", "state")))]
        return _html.card("home", str(self.path), {"jobs": _html.text(jobs.num_rows)}, _html.bullets(latest))


def open(home: Union[PathLike, None] = None) -> Home:  # noqa: A001 - as in `gzip.open`
    """Opens a home: a folder that ``assay run`` wrote to, by default ``./assay-data`` or what ``ASSAY_HOME`` says."""
    return Home(home)
