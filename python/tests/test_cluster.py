"""A cluster of real processes, driven from Python over the API of the command line."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

import assay

from conftest import make_bars

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def cluster() -> Iterator[dict[str, str]]:
    if not os.environ.get("ASSAY_BIN"):
        pytest.skip("ASSAY_BIN does not say where the command line is")
    if os.environ.get("ASSAY_SERVICES") == "absent":
        pytest.skip("no RabbitMQ and Postgres here (scripts/services install)")
    up = subprocess.run([ROOT / "scripts/cluster", "up", "--workers", "1"], capture_output=True, text=True)
    if up.returncode != 0:
        pytest.skip(f"a cluster cannot be started here: {up.stderr[-300:]}")
    words = [word for line in up.stdout.splitlines() for word in shlex.split(line) if "=" in word]
    variables = dict(word.split("=", 1) for word in words)
    try:
        bars = Path(variables["ASSAY_HOME"]).parent / "bars.csv"
        make_bars(2_000).to_csv(bars)
        command = [os.environ["ASSAY_BIN"], "--home", variables["ASSAY_HOME"], "data", "import", str(bars)]
        subprocess.run([*command, "--symbol", "EURUSD", "--bar", "15m", "--tz", "UTC"], check=True, capture_output=True)
        yield variables
    finally:
        subprocess.run([ROOT / "scripts/cluster", "down", "--dir", variables["CLUSTER_DIR"]], capture_output=True)


def spec(high: int, name: str = "there") -> assay.Spec:
    return assay.Spec(name, ["EURUSD"], "15m", "ma_cross", {"fast": (5, 15), "slow": (20, high), "where": "fast < slow"})


def test_a_job_there_is_the_job_here(cluster: dict[str, str], tmp_path: Path) -> None:
    client = assay.Client(cluster["ASSAY_CLUSTER"], cluster["ASSAY_KEY"], home=cluster["ASSAY_HOME"])
    job = client.submit(spec(60)).wait(progress=False)
    assert job.state == "done"
    here = assay.run(spec(60), home=_copy(cluster, tmp_path), progress=False)
    assert (here.id, here.fingerprint) == (job.id, job.fingerprint)
    assert job.top(3, kind="arrow").column("trial_id").to_pylist() == here.top(3, kind="arrow").column("trial_id").to_pylist()
    assert job.verdict().grade == here.verdict().grade
    assert job.id in client.jobs(kind="pandas")["job_id"].tolist()
    assert client.job("there").id == job.id
    # Its rows are fetched into the home's cache, once.
    assert len(job.files()) == 1 and "cache" in job.files()[0].parts
    assert job.trials(["sharpe"], kind="arrow").num_rows == job.record["trials"]
    assert job.best().equity(kind="arrow").num_rows == job.record["bars"]


def _copy(cluster: dict[str, str], folder: Path) -> Path:
    """A home with the same market data and no jobs."""
    import shutil

    shutil.copytree(Path(cluster["ASSAY_HOME"]) / "catalog", folder / "catalog")
    return folder


def test_jobs_are_paused_resumed_and_cancelled(cluster: dict[str, str]) -> None:
    client = assay.Client(cluster["ASSAY_CLUSTER"], cluster["ASSAY_KEY"], home=cluster["ASSAY_HOME"])
    # A grid that takes far longer than this test.
    long = assay.Spec("long", ["EURUSD"], "15m", "ma_cross", {"fast": (2, 900), "slow": (3, 1200)}, execution={"trailing_stop": "1%"})
    job = client.submit(long)
    assert job.pause().state == "paused"
    assert job.resume().state in ("running", "queued")
    assert job.cancel().state in ("stopped", "stopping", "cancelled")
    with pytest.raises(assay.AssayError, match="trials are safe"):
        job.wait(progress=False)


def test_errors_come_over_with_their_hints(cluster: dict[str, str]) -> None:
    client = assay.Client(cluster["ASSAY_CLUSTER"], cluster["ASSAY_KEY"], home=cluster["ASSAY_HOME"])
    with pytest.raises(assay.NotFoundError):
        client.job("nothing-of-that-name")
    stranger = assay.Client(cluster["ASSAY_CLUSTER"], "no-key", home=cluster["ASSAY_HOME"])
    with pytest.raises(assay.NotAllowedError) as raised:
        stranger.jobs()
    assert raised.value.code == 4


def test_nobody_there() -> None:
    with pytest.raises(assay.UnreachableError) as raised:
        assay.Client("http://127.0.0.1:9", "key").jobs()
    assert raised.value.code == 7 and isinstance(raised.value, ConnectionError)
