"""Pictures of the documentation, of what `riskengine demo` wrote.

    riskengine demo && python docs/make_images.py [--result out/demo]

Writes ``docs/images/demo.svg``, and with Chromium at hand the page as it looks at 1280 and 390 pixels.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from riskengine import BacktestResult
from riskengine.backtest import load_result
from riskengine.files import write_atomically

IMAGES = Path(__file__).parent / "images"
WIDTH, HEIGHT, LEFT, RIGHT = 880, 300, 215, 420
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1d2733; } .quiet { fill: #5a6570; font-size: 12px; }
  .title { font-weight: 600; font-size: 14px; } .rule { stroke: #d5dae0; } .zero { stroke: #5a6570; stroke-width: 1.5; }
  .bar { stroke: #0b5fa5; stroke-width: 7; stroke-linecap: round; opacity: .35; } .dot { fill: #0b5fa5; }
  .own { stroke: #0b5fa5; stroke-width: 2.4; fill: none; } .rival { stroke: #8a939c; stroke-width: 1.2; fill: none; }
  .own-text { fill: #0b5fa5; font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4e9ee; } .quiet { fill: #a5b0bb; } .rule { stroke: #2f3842; } .zero { stroke: #a5b0bb; }
    .bar, .own { stroke: #62b0f5; } .dot, .own-text { fill: #62b0f5; } .rival { stroke: #7b8792; }
  }
"""


def intervals(result: BacktestResult) -> list[str]:
    """Reduction of volatility against each benchmark, with its interval."""
    rows = result.comparisons
    most = 0.1 * np.ceil(10 * max(one.interval[1] for one in rows))
    low = min(0.0, 0.1 * np.floor(10 * min(one.interval[0] for one in rows)))

    def place(value: float) -> float:
        return LEFT + (RIGHT - LEFT) * (value - low) / (most - low)

    parts = [f'<text class="title" x="10" y="24">{escape(result.name)}: less volatile than</text>']
    bottom = 62 + 44 * len(rows)
    for tick in np.arange(low, most + 1e-9, 0.1):
        kind = "zero" if abs(tick) < 1e-9 else "rule"
        parts.append(f'<path class="{kind}" d="M{place(tick):.1f},44V{bottom - 18}"/>')
        parts.append(
            f'<text class="quiet" x="{place(tick):.1f}" y="{bottom}" text-anchor="middle">{tick:.0%}</text>'
        )
    for k, one in enumerate(rows):
        y = 66 + 44 * k
        ends, at = (place(end) for end in one.interval), place(one.reduction)
        first, last = ends
        parts.append(f'<text x="10" y="{y}">{escape(one.other)}</text>')
        span = f"{one.reduction:.1%} ({one.interval[0]:.1%} to {one.interval[1]:.1%})"
        parts.append(f'<text class="quiet" x="10" y="{y + 17}">{span}</text>')
        parts.append(
            f'<path class="bar" d="M{first:.1f},{y + 3}H{last:.1f}"/><circle class="dot" cx="{at:.1f}" cy="{y + 3}" r="5"/>'
        )
    return parts


def over_time(result: BacktestResult) -> list[str]:
    """Volatility of the last quarter: of the portfolio, and of the benchmark with the usual pipeline."""
    left, right, top, bottom = 500, WIDTH - 14, 44, 226
    rival = result.benchmarks[-1]
    lines = {
        kind: (run.returns.rolling(63).std(ddof=0) * np.sqrt(run.periods_per_year)).dropna()
        for kind, run in (("rival", rival), ("own", result))
    }
    most = 0.1 * np.ceil(10 * max(line.max() for line in lines.values()))
    dates = lines["own"].index
    parts = [f'<text class="title" x="{left - 40}" y="24">Volatility of the last quarter, a year</text>']
    for tick in np.arange(0, most + 1e-9, 0.1):
        y = bottom - (bottom - top) * tick / most
        parts.append(f'<path class="rule" d="M{left},{y:.1f}H{right}"/>')
        parts.append(
            f'<text class="quiet" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:.0%}</text>'
        )
    span = (dates[-1] - dates[0]).days
    for year in range(dates[0].year + 1, dates[-1].year + 1):
        x = left + (right - left) * (pd.Timestamp(year, 1, 1) - dates[0]).days / span
        parts.append(f'<text class="quiet" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{year}</text>')
    for kind, line in lines.items():
        thin = line.iloc[::5]
        x = left + (right - left) * (thin.index - dates[0]).days / span
        y = bottom - (bottom - top) * thin.to_numpy() / most
        points = "L".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        parts.append(f'<path class="{kind}" d="M{points}"/>')
    y = bottom + 40
    parts.append(
        f'<path class="own" d="M{left},{y - 4}h22"/><path class="rival" d="M{left + 240},{y - 4}h22"/>'
    )
    parts.append(f'<text class="own-text" x="{left + 28}" y="{y}">{escape(result.name)}</text>')
    parts.append(f'<text class="quiet" x="{left + 268}" y="{y}">{escape(rival.name)}</text>')
    return parts


def picture(result: BacktestResult) -> str:
    """Both beside each other, as SVG."""
    first, last = (f"{result.returns.index[k]:%B %Y}" for k in (0, -1))
    foot = (
        f"{result.weights.shape[1]} US stocks, {first} to {last}, net of costs, each under the same limits. "
        "Bars: 95% confidence."
    )
    body = "\n".join(
        [
            *intervals(result),
            *over_time(result),
            f'<text class="quiet" x="10" y="{HEIGHT - 12}">{foot}</text>',
        ]
    )
    said = "; ".join(one.sentence() for one in result.comparisons)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img">'
        f"<title>{escape(said)}</title><style>{STYLE}</style>\n{body}\n</svg>\n"
    )


def screenshots(page: Path) -> None:
    """The page on a desk and on a phone, as WebP where Pillow is at hand, else as PNG."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        print("no Chromium here: the screenshots stay as they were")
        return
    for width, height in ((1280, 2350), (390, 2600)):
        with tempfile.TemporaryDirectory() as folder:
            shot = Path(folder) / "shot.png"
            command = [
                browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=3000",
                f"--user-data-dir={folder}/profile", f"--window-size={width},{height}", f"--screenshot={shot}",
                page.resolve().as_uri(),
            ]  # fmt: skip
            subprocess.run(command, capture_output=True, check=True)
            small(shot, IMAGES / f"page-{width}.webp")


def small(shot: Path, target: Path) -> None:
    """Half of the pixels for a wide picture, in WebP."""
    from PIL import Image

    with Image.open(shot) as picture:
        halved = (
            picture
            if picture.width < 500
            else picture.resize((picture.width * 3 // 4, picture.height * 3 // 4))
        )
        halved.save(target, quality=70, method=6)


def main() -> None:
    """Write them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--result", type=Path, default=Path("out/demo"), help="folder that the demo wrote")
    folder = parser.parse_args().result
    write_atomically(IMAGES / "demo.svg", picture(load_result(folder)).encode())
    screenshots(folder / "report.html")


if __name__ == "__main__":
    main()
