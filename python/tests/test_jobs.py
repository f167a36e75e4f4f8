"""Jobs as the command line runs them, driven from Python."""

from __future__ import annotations

import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

import assay
from assay._progress import Bar

from conftest import CROSS, make_bars


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with imported bars."""
    import os

    binary = os.environ.get("ASSAY_BIN")
    if not binary:
        pytest.skip("ASSAY_BIN does not say where the command line is")
    folder = tmp_path_factory.mktemp("imported")
    make_bars(2_000).to_csv(folder / "bars.csv")
    command = [binary, "data", "import", "bars.csv", "--symbol", "EURUSD", "--bar", "15m", "--tz", "UTC"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "assay-data"


def tables(**more: Any) -> dict[str, Any]:
    return {
        "name": "first",
        "data": {"instruments": ["EURUSD"], "bars": "15m"},
        "strategy": "ma_cross",
        "params": {"fast": {"int": [5, 15]}, "slow": {"int": [20, 40]}, "where": "fast < slow"},
        **more,
    }


def test_a_job_is_a_file_a_dict_or_a_spec(imported: Path, tmp_path: Path) -> None:
    as_dict = assay.run(tables(), home=imported, progress=False)
    assert as_dict.state == "done" and as_dict.computed == as_dict.record["trials"]
    file = tmp_path / "job.toml"
    file.write_text(
        "name = 'first'\n[data]\ninstruments = ['EURUSD']\nbars = '15m'\n[strategy]\nuse = 'ma_cross'\n"
        "[params]\nfast = { int = [5, 15] }\nslow = { int = [20, 40] }\nwhere = 'fast < slow'\n"
    )
    as_file = assay.run(file, home=imported, progress=False)
    space = {"fast": range(5, 16), "slow": range(20, 41), "where": "fast < slow"}
    as_spec = assay.run(assay.Spec("first", ["EURUSD"], "15m", "ma_cross", space), home=imported, progress=False)
    assert as_dict.id == as_file.id == as_spec.id
    assert as_file.computed == as_spec.computed == 0, "found again"
    assert as_file.wait() is as_file
    assert assay.plan(tables(), home=imported)["points"] == as_dict.record["points"]


def test_strategies_may_be_given_as_text(imported: Path) -> None:
    space = {"fast": {"int": [2, 4]}, "slow": 20}
    as_text = assay.run(tables(strategy=CROSS, params=space), home=imported, progress=False)
    checked = assay.run(tables(strategy=assay.strategy(CROSS), params=space), home=imported, progress=False)
    assert as_text.id == checked.id and as_text.record["trials"] == 3


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"data": {"instruments": ["NOPE"], "bars": "15m"}}, assay.NotFoundError, "NOPE"),
        ({"strategy": "./absent.toml"}, assay.NotFoundError, "absent.toml"),
        ({"serach": {"method": "grid"}}, assay.UsageError, "did you mean `search`"),
        ({"objective": {"maximize": "sharp"}}, assay.UsageError, "sharpe"),
        ({"params": {"fast": {1, 2}}}, assay.UsageError, "a job holds a set"),
        ({"params": {"fats": 3}}, assay.UsageError, "did you mean `fast`"),
    ],
)
def test_bad_jobs(change: dict[str, Any], kind: type[assay.AssayError], message: str, imported: Path) -> None:
    with pytest.raises(kind, match=message) as raised:
        assay.run(tables(**change), home=imported, progress=False)
    assert raised.value.hint


def test_jobs_of_a_home_run_where_they_are_called(imported: Path) -> None:
    job = assay.run(tables(), home=imported, progress=False)
    for control in (job.pause, job.resume, job.cancel):
        with pytest.raises(assay.UsageError, match="a job of a home"):
            control()
    with pytest.raises(assay.UsageError, match="a int is no job"):
        assay.run(5)  # type: ignore[arg-type]


def test_warnings_are_python_warnings(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="such trials never trade"):
        assay.sweep(make_bars(100), CROSS, {"fast": 2, "slow": [60, 120]}, home=tmp_path, progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="such trials never trade"):
            assay.sweep(make_bars(110), CROSS, {"fast": 2, "slow": [60, 130]}, home=tmp_path, progress=False)


def test_a_bar_counts_on(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Bar("trials")
    shown(10, 100, "best sharpe 1.0")
    assert "10/100" in capsys.readouterr().err.replace(".0", "")
    shown(60, 100, "best sharpe 1.2")
    assert shown._bar.n == 60 and "best sharpe 1.2" in str(shown._bar)
    shown.close()


LONG = """
import sys
sys.path[:0] = sys.argv[2:]
import assay
from conftest import CROSS, make_bars
print("ready", flush=True)
try:
    job = assay.sweep(
        make_bars(20_000), CROSS, {"fast": range(2, 120), "slow": range(2, 400)}, home=sys.argv[1], threads=1, progress=False
    )
except KeyboardInterrupt as stopped:
    print("stopped", stopped, flush=True)
    sys.exit(7)
print("done", job.fingerprint)
"""


def test_ctrl_c_stops_native_code_and_running_again_continues(tmp_path: Path) -> None:
    import time

    folder = Path(__file__).parent
    command = [sys.executable, "-c", LONG, str(tmp_path), *sys.path]
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    staging = tmp_path / "staging"
    # Work has begun when the first rows are staged, or the job was too quick to be stopped.
    while child.poll() is None and not any(staging.rglob("*.parquet")) and not any(staging.rglob("*.*")):
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=120)
    assert child.returncode in (0, 7), out
    if child.returncode == 7:
        assert "trials are safe" in out
    again = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert again.stdout.splitlines()[-1].startswith("done ")
