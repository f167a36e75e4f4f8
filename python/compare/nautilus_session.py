from decimal import Decimal

import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.indicators import SimpleMovingAverage
from nautilus_trader.model import Bar, BarType, InstrumentId, Money, Venue
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy


class CrossConfig(StrategyConfig, frozen=True):
    instrument_id: InstrumentId
    bar_type: BarType
    fast: int
    slow: int


class Cross(Strategy):
    def __init__(self, config):
        super().__init__(config)
        self.fast, self.slow = SimpleMovingAverage(config.fast), SimpleMovingAverage(config.slow)
        self.above = None

    def on_start(self):
        self.register_indicator_for_bars(self.config.bar_type, self.fast)
        self.register_indicator_for_bars(self.config.bar_type, self.slow)
        self.subscribe_bars(self.config.bar_type)

    def on_bar(self, bar: Bar):
        if not self.indicators_initialized():
            return
        above, before = self.fast.value > self.slow.value, self.above
        self.above = above
        if before is None or above == before:
            return
        if above and self.portfolio.is_flat(self.config.instrument_id):
            instrument = self.cache.instrument(self.config.instrument_id)
            quantity = instrument.make_qty(Decimal("90"))
            self.submit_order(self.order_factory.market(self.config.instrument_id, OrderSide.BUY, quantity))
        elif not above:
            self.close_all_positions(self.config.instrument_id)


bars = pd.read_csv("bars.csv", index_col="time", parse_dates=True)
instrument = TestInstrumentProvider.equity("ABC", "XNAS")
bar_type = BarType.from_str("ABC.XNAS-15-MINUTE-LAST-EXTERNAL")
data = BarDataWrangler(bar_type, instrument).process(bars)
best = None
for fast in range(5, 26, 5):
    for slow in range(30, 100, 20):
        engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
        engine.add_venue(Venue("XNAS"), OmsType.NETTING, AccountType.CASH, [Money(10_000, USD)], base_currency=USD)
        engine.add_instrument(instrument)
        engine.add_data(data)
        engine.add_strategy(Cross(CrossConfig(instrument_id=instrument.id, bar_type=bar_type, fast=fast, slow=slow)))
        engine.run()
        result = engine.get_result()
        sharpe = result.stats_returns.get("Sharpe Ratio (252 days)")
        if sharpe == sharpe and (best is None or sharpe > best[0]):
            best = sharpe, fast, slow, result.total_positions
        engine.dispose()
print(best)
