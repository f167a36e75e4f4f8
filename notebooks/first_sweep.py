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
# # A first sweep
#
# `pip install "assay-backtest[notebooks]"`, and this notebook runs: no server, no data, no account. Bars come in a DataFrame of pandas or
# polars, results go out as one, and every search is entered in the ledger of a folder, `./assay-data` by default.

# %%
import assay

bars = assay.sample_bars(20_000, bar="15m")  # a random walk; a frame of yours will do as well
bars.head(3)

# %% [markdown]
# A strategy is text: parameters, names for expressions, rules. It is checked here, with the errors of the command line.

# %%
cross = assay.strategy("""
name = "cross"
about = "Long while the fast average is above the slow one."

[params]
fast = { int = [5, 50], default = 10 }
slow = { int = [20, 200], default = 50 }
where = "fast < slow"

[let]
f = "ema(close, fast)"
s = "ema(close, slow)"

[rules]
enter_long = "crossover(f, s)"
exit_long = "crossunder(f, s)"
""")
cross

# %%
try:
    assay.strategy(cross.source.replace("ema(close, fast)", "emaa(close, fast)"))
except assay.UsageError as error:
    print(error)

# %% [markdown]
# One backtest: a trial with its metrics, curve and trades.

# %%
trial = assay.backtest(bars, cross, {"fast": 12, "slow": 60}, commission=0.0001)
trial

# %%
trial.trades().head(3)

# %% [markdown]
# A sweep over all pairs, on all cores. Keyword arguments are those of `[execution]` in a job file.

# %%
job = assay.sweep(bars, cross, {"fast": range(5, 50, 3), "slow": range(20, 200, 6)}, commission=0.0001)
job

# %%
job.top(5)

# %%
job.plot.heatmap("fast", "slow")

# %%
job.plot.equity()

# %% [markdown]
# The best of several hundred on a random walk looks good, and is luck. The verdict says so.

# %%
job.verdict()
