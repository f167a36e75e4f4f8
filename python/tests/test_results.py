"""Results: through the package, and without it by pandas, polars and DuckDB."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset
import pytest

import assay

from conftest import CROSS, make_bars


def test_trials_are_lazy_in_polars_and_rows_in_pandas(job: assay.Job) -> None:
    lazy = job.trials(kind="polars")
    assert isinstance(lazy, pl.LazyFrame)
    frame = lazy.select("trial_id", "param.fast", "sharpe").collect()
    assert frame.schema == {"trial_id": pl.String, "param.fast": pl.Int64, "sharpe": pl.Float64}
    rows = job.trials(["trial_id", "sharpe"], kind="pandas")
    assert isinstance(rows, pd.DataFrame) and list(rows.columns) == ["trial_id", "sharpe"]
    assert len(rows) == frame.height == job.record["trials"]
    assert isinstance(job.trials(kind="arrow"), pyarrow.dataset.Dataset)
    with pytest.raises(assay.NotFoundError, match="did you mean `sharpe`"):
        job.trials(["sharp"])
    with pytest.raises(assay.NotFoundError, match="did you mean `param.fast`"):
        job.trials(["fast"])


def test_the_kind_of_tables_can_be_set(job: assay.Job) -> None:
    try:
        assay.set_frames("pandas")
        assert isinstance(job.top(3), pd.DataFrame)
        assay.set_frames("polars")
        assert isinstance(job.top(3), pl.DataFrame)
    finally:
        assay.set_frames(None)
    with pytest.raises(assay.UsageError, match="no kind of table `dask`"):
        assay.set_frames("dask")  # type: ignore[arg-type]


def test_columns_say_what_they_mean(job: assay.Job) -> None:
    described = job.describe_columns(kind="pandas").set_index("name")
    assert described.loc["max_drawdown", "unit"] == "ratio"
    assert "parameter `fast`" in described.loc["param.fast", "about"]


def test_the_best_points(job: assay.Job) -> None:
    top = job.top(5, kind="pandas")
    assert list(top["rank"]) == [1, 2, 3, 4, 5] and top["sharpe"].is_monotonic_decreasing
    smallest = job.top(3, by="-fees", kind="pandas")
    assert smallest["fees"].is_monotonic_increasing
    assert job.best().id == top["trial_id"][0] and job.best(2).id == top["trial_id"][1]
    with pytest.raises(assay.UsageError, match="sharpe"):
        job.top(3, by="sharp")
    with pytest.raises(assay.NotFoundError, match="ranked points"):
        job.best(10_000)


def test_a_job_is_found_again(job: assay.Job, home: Path) -> None:
    opened = assay.open(home)
    assert assay.Job(job.id, home=home).fingerprint == job.fingerprint
    assert opened.job(job.id[:10]).id == job.id
    assert job.id in opened.jobs(kind="pandas")["job_id"].tolist()
    assert assay.Trial(job.best().id, home=home).job.id == job.id
    with pytest.raises(assay.NotFoundError) as raised:
        opened.job("nothing")
    assert raised.value.code == 3 and raised.value.hint and isinstance(raised.value, LookupError)
    with pytest.raises(assay.UsageError, match="trial ids are"):
        opened.trial("nonsense").trades()


def test_cards_show_what_matters(job: assay.Job, home: Path) -> None:
    assert job.id in job._repr_html_() and "fingerprint" in job._repr_html_()
    assert "<svg" in job.best()._repr_html_() and "max drawdown" in job.best()._repr_html_()
    verdict = job.verdict()
    page = verdict._repr_html_()
    assert "deflated sharpe" in page and verdict.grade in ("gold", "silver", "fools_gold", "unproven", "fool's gold")
    assert verdict["trials_job"] == job.record["points"] and verdict.reasons
    assert "<html" in verdict.page
    assert str(home) in assay.open(home)._repr_html_()
    for thing in (job, job.best(), verdict, assay.open(home)):
        assert repr(thing).startswith("<")


def test_text_of_users_is_never_markup(tmp_path: Path) -> None:
    named = assay.sweep(make_bars(500), CROSS, {"fast": 3, "slow": 9}, name="<b>bold</b>", home=tmp_path, progress=False)
    assert "<b>bold" not in named._repr_html_() and "&lt;b&gt;" in named._repr_html_()


# -- without the package


def test_pandas_reads_results_alone(job: assay.Job, home: Path) -> None:
    found = pd.read_parquet(home / "results/v1/kind=trials" / f"job={job.id}")
    assert found["trial_id"].iloc[0] == f"t_{job.id[2:]}_0_{found['ordinal'].iloc[0]}"
    assert str(found["param.fast"].dtype) == "int64" and str(found["sharpe"].dtype) == "float64"
    assert found["error"].isna().all()
    all_jobs = pd.read_parquet(home / "results/v1/kind=trials")
    assert job.id in set(all_jobs["job"].astype(str)), "ids keep their letters"


def test_polars_reads_results_alone(job: assay.Job, home: Path) -> None:
    found = pl.read_parquet(home / "results/v1/kind=trials" / f"job={job.id}" / "*.parquet")
    assert found.schema["param.fast"] == pl.Int64 and found.schema["sharpe"] == pl.Float64
    # Jobs have columns of their own: what one of them lacks is null.
    every = home / "results/v1/kind=trials/*/*.parquet"
    hive = pl.scan_parquet(every, hive_partitioning=True, missing_columns="insert", extra_columns="ignore").filter(pl.col("job") == job.id).collect()
    assert hive.height == found.height and hive.schema["job"] == pl.String


def test_duckdb_reads_results_alone(job: assay.Job, home: Path) -> None:
    files = home / "results/v1/kind=trials" / f"job={job.id}" / "*.parquet"
    types = dict(duckdb.sql(f"select column_name, column_type from (describe select * from '{files}')").fetchall())
    assert types["param.fast"] == "BIGINT" and types["sharpe"] == "DOUBLE"
    best = duckdb.sql(f"select trial_id from '{files}' order by sharpe desc nulls last, ordinal limit 1").fetchall()[0]
    assert best == (job.best().id,)


def test_nulls_stay_nulls_everywhere(tmp_path: Path) -> None:
    # Trials that never trade: their ratios are undefined.
    job = assay.sweep(make_bars(300), CROSS, {"fast": [2, 3], "slow": [250]}, home=tmp_path, progress=False)
    path = next(job.path().glob("*.parquet"))
    undefined = [
        pd.read_parquet(path)["win_rate"].isna().sum(),
        pl.read_parquet(path)["win_rate"].null_count(),
        duckdb.sql(f"select count(*) filter (win_rate is null) from '{path}'").fetchall()[0][0],
        job.trials(["win_rate"], kind="pandas")["win_rate"].isna().sum(),
        job.trials(kind="polars").collect()["win_rate"].null_count(),
    ]
    assert undefined == [2] * 5
    assert job.best().metrics["win_rate"] is None


def test_importing_the_package_imports_no_library_of_tables(tmp_path: Path) -> None:
    code = (
        "import sys, time; began = time.perf_counter(); import assay; took = time.perf_counter() - began;"
        "heavy = {'pyarrow', 'pandas', 'polars', 'numpy', 'plotly', 'tqdm', 'IPython'} & set(sys.modules); print(heavy, took)"
    )
    # Not where the sources are: what is installed is meant.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.startswith("set()"), done.stdout
