"""A first session in four libraries: lines of code, seconds and peak memory of the whole process.

usage: measure.py [PYTHON ...]   one of them must have the library; by default this one

The session: 20,000 bars from a CSV file, 20 pairs of moving averages, long only, filled at the close, 0.05 % a side; the best by Sharpe
ratio, its return and trades. Every process is run twice, the best counts.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FOLDER = Path(__file__).parent
SESSIONS = {"assay": "assay", "vectorbt": "vectorbt", "backtesting": "backtesting.py", "nautilus": "nautilus_trader"}
RUNS = 2


def lines(path: Path) -> int:
    texts = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return sum(bool(text) and not text.startswith("#") for text in texts)


def run(python: str, script: Path, folder: str) -> tuple[float, float, str]:
    """Seconds, megabytes at the peak, and what it printed last."""
    began = time.monotonic()
    environment = {**os.environ, "ASSAY_HOME": tempfile.mkdtemp(dir=folder)}
    child = subprocess.Popen([python, str(script)], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    assert child.stdout is not None
    out = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        raise RuntimeError(f"{script.name} failed")
    return time.monotonic() - began, usage.ru_maxrss / 1024, out.strip().splitlines()[-1]


def main() -> None:
    pythons = sys.argv[1:] or [sys.executable]
    with tempfile.TemporaryDirectory() as folder:
        write = "import assay; assay.sample_bars(20_000, kind='pandas').to_csv('bars.csv', index=False)"
        maker = next(python for python in pythons if subprocess.run([python, "-c", write], cwd=folder, capture_output=True).returncode == 0)
        print(f"bars by {maker}", file=sys.stderr)
        print("| library | lines | seconds | peak memory |\n|---|---|---|---|")
        for name, title in SESSIONS.items():
            script = FOLDER / f"{name}_session.py"
            found = []
            for python in pythons:
                try:
                    found = [run(python, script, folder) for _ in range(RUNS)]
                    break
                except RuntimeError:
                    continue
            if not found:
                print(f"| {title} | {lines(script)} | not installed | |")
                continue
            seconds, memory = min(of for of, _, _ in found), min(of for _, of, _ in found)
            print(f"| {title} | {lines(script)} | {seconds:.1f} | {memory:,.0f} MB |")
            print(f"{title}: {found[0][2]}", file=sys.stderr)


if __name__ == "__main__":
    main()
