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
# # From vectorbt to Assay
#
# The same strategy side by side, and the same numbers. vectorbt fills at the close of the bar that signals, so Assay is told to
# (`fill="close"`); Assay's default fills at the next open, which could have been traded.

# %%
import warnings

warnings.filterwarnings("ignore")
import numpy as np
import vectorbt as vbt

import assay

bars = assay.sample_bars(5_000, bar="1h", kind="pandas").set_index("time")
close = bars["close"]
fasts, slows = [5, 10, 15, 20], [30, 40, 50, 60]

# %% [markdown]
# vectorbt:

# %%
fast, slow = vbt.MA.run(close, window=fasts, short_name="fast"), vbt.MA.run(close, window=slows, short_name="slow")
pairs = [(f, s) for f in fasts for s in slows]
entries = np.column_stack([(fast.ma[f] > slow.ma[s]) & (fast.ma[f].shift() <= slow.ma[s].shift()) for f, s in pairs])
exits = np.column_stack([(fast.ma[f] < slow.ma[s]) & (fast.ma[f].shift() >= slow.ma[s].shift()) for f, s in pairs])
portfolio = vbt.Portfolio.from_signals(close, entries, exits, fees=0.0005, init_cash=10_000, freq="1h")
theirs = portfolio.total_return().to_numpy()

# %% [markdown]
# Assay, with the same signals:

# %%
job = assay.sweep(bars, signals={"entries": entries, "exits": exits}, fill="close", commission=0.0005)
rows = job.trials(kind="pandas").sort_values("param.trial")
np.testing.assert_allclose(rows["total_return"], theirs, rtol=1e-9)
np.testing.assert_allclose(rows["max_drawdown"], portfolio.max_drawdown().to_numpy(), rtol=1e-9)
rows[["param.trial", "total_return", "max_drawdown", "trades"]].assign(vectorbt=theirs).head()

# %% [markdown]
# Assay, with the rules themselves. The averages are exact sums here, so a crossover that rounding invents elsewhere does not exist.

# %%
rules = """
name = "cross"
[params]
fast = { int = [5, 20], step = 5, default = 5 }
slow = { int = [30, 60], step = 10, default = 30 }
[rules]
enter_long = "crossover(sma(close, fast), sma(close, slow))"
exit_long = "crossunder(sma(close, fast), sma(close, slow))"
"""
job = assay.sweep(bars, rules, fill="close", commission=0.0005)
job.top(3, kind="pandas")[["param.fast", "param.slow", "sharpe", "total_return", "trades"]]

# %% [markdown]
# What is one argument more: the fill that could have been traded, a stop, and what the best of the search is worth.

# %%
job = assay.sweep(bars, rules, commission=0.0005, stop_loss="2 * atr(14)")
job.verdict()
