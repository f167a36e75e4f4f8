# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Reading results with three libraries
#
# Every trial is a row of a Parquet file. The package is a convenience: whatever reads Parquet reads results, and columns keep their types,
# ids their letters, nulls their nulls.

# %%
import assay

bars = assay.sample_bars(10_000, bar="1h")
job = assay.sweep(bars, "ma_cross", {"fast": range(5, 40), "slow": range(20, 200, 4), "where": "fast < slow"}, commission=0.0001)
job.describe_columns(kind="pandas").head(12)

# %% [markdown]
# Through the package: lazily with polars, by columns with pandas, as a dataset with Arrow.

# %%
import polars as pl

job.trials(kind="polars").group_by("param.fast").agg(pl.col("sharpe").median()).sort("param.fast").head(3).collect()

# %%
job.trials(["param.slow", "sharpe", "trades"], kind="pandas").groupby("param.slow").median().head(3)

# %% [markdown]
# Without it:

# %%
folder = str(job.path())
folder.replace(str(assay.open().path), "assay-data")

# %%
import pandas as pd

pd.read_parquet(folder).nlargest(3, "sharpe")[["trial_id", "param.fast", "param.slow", "sharpe", "max_drawdown"]]

# %%
pl.read_parquet(f"{folder}/*.parquet").top_k(3, by="sharpe").select("trial_id", "param.fast", "param.slow", "sharpe")

# %%
import duckdb

duckdb.sql(f"""
    select "param.fast", median(sharpe) as sharpe, count(*) filter (sharpe is null) as undefined
    from '{folder}/*.parquet' group by all order by sharpe desc limit 3
""").df()

# %% [markdown]
# All jobs of a folder at once: `job` is the name of a partition, and stays text.

# %%
results = str(assay.open().path / "results/v1/kind=trials")
pd.read_parquet(results, columns=["job", "sharpe"]).groupby("job", observed=True).sharpe.agg(["count", "max"]).tail(3)

# %% [markdown]
# One trial: trades and the close of every bar, run again on the bars that the job ran on.

# %%
best = job.best()
best.trades(kind="pandas").tail(3)

# %%
best.equity(kind="pandas").tail(3)
