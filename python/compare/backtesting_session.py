import pandas as pd
from backtesting import Backtest, Strategy
from backtesting.lib import crossover


def average(values, n):
    return pd.Series(values).rolling(n).mean()


class Cross(Strategy):
    fast = 10
    slow = 50

    def init(self):
        self.f = self.I(average, self.data.Close, self.fast)
        self.s = self.I(average, self.data.Close, self.slow)

    def next(self):
        if crossover(self.f, self.s):
            self.buy()
        elif crossover(self.s, self.f):
            self.position.close()


if __name__ == "__main__":
    bars = pd.read_csv("bars.csv", index_col="time", parse_dates=True)
    bars.columns = [name.capitalize() for name in bars.columns]
    test = Backtest(bars, Cross, cash=10_000, commission=0.0005, trade_on_close=True, finalize_trades=True)
    best = test.optimize(fast=range(5, 26, 5), slow=range(30, 100, 20), maximize="Sharpe Ratio")
    print(best._strategy, best["Return [%]"], best["# Trades"])
