import pandas as pd
import vectorbt as vbt

bars = pd.read_csv("bars.csv", index_col="time", parse_dates=True)
fasts, slows = range(5, 26, 5), range(30, 100, 20)
pairs = [(fast, slow) for fast in fasts for slow in slows]
fast = vbt.MA.run(bars["close"], [fast for fast, _ in pairs], short_name="fast")
slow = vbt.MA.run(bars["close"], [slow for _, slow in pairs], short_name="slow")
entries, exits = fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
portfolio = vbt.Portfolio.from_signals(bars["close"], entries, exits, fees=0.0005, init_cash=10_000, freq="15min")
sharpe = portfolio.sharpe_ratio()
best = portfolio[sharpe.idxmax()]
print(sharpe.idxmax(), best.total_return(), best.trades.count())
