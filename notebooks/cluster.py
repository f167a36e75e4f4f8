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
# # A cluster
#
# The same job, on a coordinator and any number of workers. `eval "$(scripts/cluster up)"` starts one on this machine and sets the
# variables that are read here; Jupyter has to be started from the same shell.

# %%
import os

import assay

client = assay.Client(os.environ["ASSAY_CLUSTER"], home=os.environ["ASSAY_HOME"])
spec = assay.Spec(
    name="on a cluster",
    instruments=["EURUSD"],
    bars="15m",
    strategy="ma_cross",
    params={"fast": range(5, 50), "slow": range(20, 200), "where": "fast < slow"},
    execution={"commission": 0.00002},
)
job = client.submit(spec)
job.name, job.record["trials"]

# %% [markdown]
# `wait` shows a bar. Interrupting the kernel stops waiting, not the job; `job.pause()`, `job.resume()` and `job.cancel()` do what they say.

# %%
job.wait()

# %%
job.top(5)

# %%
job.verdict()

# %% [markdown]
# The fingerprint says that a run here finds the same rows.

# %%
import shutil
import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as folder:
    shutil.copytree(Path(os.environ["ASSAY_HOME"], "catalog"), Path(folder, "catalog"))
    here = assay.run(spec, home=folder)
assert here.fingerprint == job.fingerprint
