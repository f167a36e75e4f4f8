import pandas as pd

import assay

bars = pd.read_csv("bars.csv", index_col="time", parse_dates=True)
space = {"fast": range(5, 26, 5), "slow": range(30, 100, 20)}
job = assay.sweep(bars, "ma_cross", space, fill="close", commission=0.0005)
best = job.best()
print(best.params, best["total_return"], best["trades"])
