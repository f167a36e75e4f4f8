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
# # Last night's jobs
#
# For papermill: `papermill nightly_report.ipynb report.ipynb -p home /data/assay -p hours 24`

# %% tags=["parameters"]
home = None  # folder with jobs and results; ASSAY_HOME or ./assay-data by default
hours = 24.0  # jobs that were done in so many hours
until = None  # up to this time, such as "2026-01-31T06:00:00Z"; by default now
verdicts = True  # a look at what jobs held back is recorded

# %%
from datetime import datetime, timedelta, timezone

import pandas as pd
from IPython.display import HTML, Markdown, display

import assay

assay.set_frames("pandas")
end = datetime.now(timezone.utc) if until is None else datetime.fromisoformat(until.replace("Z", "+00:00"))
place = assay.open(home)
jobs = place.jobs()
recent = jobs[(jobs["finished"] > end - timedelta(hours=hours)) & (jobs["finished"] <= end)]
display(Markdown(f"**{len(recent)} jobs** in the {hours:g} hours before {end:%Y-%m-%d %H:%M} UTC."))
recent[["name", "state", "trials", "failed", "instruments", "finished", "seconds"]]

# %% [markdown]
# ## The best of each

# %%
best = []
for name in recent["job_id"]:
    job = place.job(name)
    top = job.top(1)
    if len(top):
        params = ", ".join(f"{param} {top[f'param.{param}'][0]}" for param in job.params)
        best.append({"job": job.name, "parameters": params, **top[["sharpe", "total_return", "max_drawdown", "trades"]].iloc[0]})
pd.DataFrame(best)

# %% [markdown]
# ## What it is worth

# %%
if verdicts:
    for name in recent.loc[recent["state"] == "done", "job_id"]:
        display(place.job(name).verdict())

# %% [markdown]
# ## What did not go well

# %%
trouble = recent[(recent["failed"] > 0) | recent["error"].notna()]
if len(trouble):
    display(trouble[["name", "failed", "error"]])
else:
    display(HTML("Nothing."))
