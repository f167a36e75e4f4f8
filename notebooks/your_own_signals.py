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
# # Your own signals
#
# Entries and exits may come from any Python code: boolean arrays, one value a row, or rows x trials. `signals[i]` is known at the end of row
# `i` and filled after it, so that nothing that is computed from row `i` can be traded in it.

# %%
import numpy as np

import assay

bars = assay.sample_bars(20_000, bar="15m", kind="pandas").set_index("time")
close = bars["close"]

# %% [markdown]
# A rolling z-score, in plain pandas:

# %%
z = (close - close.rolling(96).mean()) / close.rolling(96).std()
trial = assay.backtest(bars, signals={"enter_long": z < -2, "exit_long": z > 0}, stop_loss="3%", commission=0.0001)
trial

# %% [markdown]
# Many at once are the columns of a 2-D array. The search is entered in the ledger like any other: its trials count.

# %%
levels = np.arange(0.5, 3.01, 0.05)
entries = z.to_numpy()[:, None] < -levels
exits = z.to_numpy()[:, None] > 0 * levels
job = assay.sweep(bars, signals={"enter_long": entries, "exit_long": exits}, stop_loss="3%", commission=0.0001, name="z-score")
best = job.top(3, kind="pandas")
best.assign(level=levels[best["param.trial"]])[["trial_id", "level", "sharpe", "total_return", "max_drawdown", "trades"]]

# %%
job.verdict()

# %% [markdown]
# The functions of the strategy language are there for arrays, too, with the same bits:

# %%
rsi = assay.indicators.rsi(close, 14)
assay.backtest(bars, signals=(rsi < 25, rsi > 55), commission=0.0001).plot.equity()

# %% [markdown]
# What does not fit is said with its row:

# %%
try:
    assay.backtest(bars, signals={"enter_long": (z < -2).iloc[1:]})
except assay.UsageError as error:
    print(error)
