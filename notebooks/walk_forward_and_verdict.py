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
# # Walking forward, and the verdict
#
# Two ways to ask whether the best of a search is more than luck: choose on one window and trade the next, and price in how much was tried.

# %%
import assay

bars = assay.sample_bars(30_000, bar="1h", seed=3)
space = {"fast": range(5, 60, 5), "slow": range(20, 240, 10), "where": "fast < slow"}
walk = assay.sweep(
    bars,
    "ma_cross",
    space,
    name="walked",
    commission=0.0001,
    validation={"method": "walk_forward", "train": "360d", "test": "90d"},
)
walk.folds(kind="pandas")[["fold", "test_from", "param.fast", "param.slow", "sharpe_in", "sharpe_out", "efficiency"]]

# %%
walk.plot.walk_forward()

# %% [markdown]
# The same search over other bars, with the last fifth of them held back. The verdict looks at what was held back once, and that look is recorded:
# a second one is no longer out of sample.

# %%
others = assay.sample_bars(30_000, bar="1h", seed=4)
held = assay.sweep(
    others, "ma_cross", space, name="held back", commission=0.0001, validation={"method": "holdout", "share": 0.2}
)
verdict = held.verdict()
verdict

# %%
verdict["out_of_sample"]

# %% [markdown]
# What explains the result, and what else there was to choose from:

# %%
held.plot.importance()

# %%
held.plot.pareto("max_drawdown", "total_return")

# %%
held.plot.distribution()
