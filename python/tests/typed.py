"""Checked by mypy --strict, never run: the types that a user's editor sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

import assay
from assay import Client, Instrument, Job, Spec, Strategy, Trial, Verdict, indicators


def uses(frame: Any) -> None:
    checked: Strategy = assay.strategy("ma_cross")
    job: Job = assay.sweep(
        frame, checked, {"fast": range(5, 50), "slow": (20, 200, 5)}, instrument=Instrument("EURUSD", lot=1.0), commission=0.0002
    )
    best: Trial = job.best()
    metrics: dict[str, Any] = best.metrics
    one: Trial = assay.backtest(frame, "ma_cross", {"fast": 10}, home=Path("home"))
    verdict: Verdict = job.verdict()
    grade: str = verdict.grade
    job = assay.run(Spec("a", ["EURUSD"], "5m", "ma_cross"))
    job = assay.run({"name": "a"})
    job = Client("http://localhost:1", "key").submit("job.toml").wait().pause().resume().cancel()
    fingerprint: Optional[str] = job.fingerprint
    average = indicators.ema(frame, 20)
    try:
        assay.open("home").job("x")
    except assay.NotFoundError as error:
        code: int = error.code
        hint: Optional[str] = error.hint
        print(code, hint)
    print(metrics, one, grade, fingerprint, average)
