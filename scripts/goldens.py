"""Makes the parity goldens in tests/goldens from real market files, with other engines as black-box oracles.

usage: python scripts/goldens.py --market DIR --out tests/goldens

    python -m venv VENV && VENV/bin/pip install -r scripts/requirements-goldens.txt
    VENV/bin/python scripts/goldens.py --market ../shared/market --out tests/goldens

It reads the market files itself, runs vectorbt, backtesting.py and TA-Lib, checks each run against a plain simulator of
docs/semantics.md (goldens/reference.py) and stops where they do not agree to 1e-9, and computes every metric by our
definitions (goldens/metrics.py). No market data is written: see tests/goldens/README.md for what the files hold.
Running it again gives the same bytes; another CPU may differ in the last digits.
"""

import argparse
from pathlib import Path

from goldens import backtesting_cases, document, market, metrics, talib_cases, vectorbt_cases


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--market", required=True, type=Path, help="folder with the market files")
    arguments.add_argument("--out", required=True, type=Path, help="folder of the goldens; its JSON files are replaced")
    options = arguments.parse_args()

    data = {
        "EURUSD": market.eurusd_5m(options.market),
        "XAUUSD": market.xauusd_1m(options.market),
        "BTCUSD": market.btcusd_1h(options.market),
        "LTCUSD": market.ltcusd_1m(options.market),
        "GBPUSD": market.gbpusd_1m(options.market),
        "SPY": market.equity_daily(options.market, "SPY"),
        "AAPL": market.equity_daily(options.market, "AAPL"),
    }
    documents = {
        "readings": {
            "about": "the layout, how ambiguous columns were read in `ours`, and what holds for all cases of an oracle",
            "layout": document.LAYOUT,
            "ours": metrics.READINGS,
            "vectorbt": vectorbt_cases.NOTES,
            "backtesting": backtesting_cases.NOTES,
        }
    }
    for maker in (vectorbt_cases, backtesting_cases, talib_cases):
        documents |= dict(maker.goldens(data))

    options.out.mkdir(parents=True, exist_ok=True)
    for old in options.out.glob("*.json"):
        old.unlink()
    for name, content in sorted(documents.items()):
        document.write(options.out / f"{name}.json", content)
    document.write(options.out / "../../strategies/tests/goldens/talib_table.json", talib_cases.walk())
    print(f"{len(documents)} goldens in {options.out}")


if __name__ == "__main__":
    main()
