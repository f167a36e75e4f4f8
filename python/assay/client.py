"""A cluster, over the same public API as the command line."""

from __future__ import annotations

import json
from typing import Any, Mapping, Optional, Union

from ._frames import Kind, table
from .engine import Spec, _text_of
from .home import PathLike, Place
from .job import Job, Trial

__all__ = ["Client"]


class Client:
    """A cluster's coordinator.

    Parameters
    ----------
    url
        ``http://HOST:PORT`` or ``https://...``; several addresses, separated by commas, of which the one in office is found.
    token
        The key; by default what ``ASSAY_KEY`` says.
    home
        Folder with the market data that jobs are resolved by; what the cluster lacks of them is sent with a job.
    """

    def __init__(self, url: str, token: Optional[str] = None, *, home: Optional[PathLike] = None) -> None:
        self.url = url
        self._place = Place(home, cluster=url, key=token)

    def submit(
        self, spec: Union[PathLike, Mapping[str, Any], Spec], *, priority: int = 5, submission: Optional[str] = None
    ) -> Job:
        """Hands over a job; ``job.wait()`` waits for its end.

        ``submission`` is a name of your choice: sent twice, it is one job. The same job again is found.
        """
        file, tables, source = _text_of(spec)
        job = self._place.native().submit(file, tables, source, priority, submission)
        return self.job(job)

    def jobs(self, *, kind: Optional[Kind] = None) -> Any:
        """All jobs that this key may see, newest first."""
        return table(self._place.native().jobs(), kind)

    def job(self, name: str) -> Job:
        """A job by its id, its name, or the beginning of its id."""
        return Job._of(self._place, json.loads(self._place.native().job(name)))

    def trial(self, trial: str) -> Trial:
        """A trial by its id; it is run again on the data of the home."""
        return Trial(trial, _place=self._place)

    def __repr__(self) -> str:
        return f"<Client {self.url}>"
