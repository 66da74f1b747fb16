from __future__ import annotations

import json
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from riskengine import (
    EqualWeight,
    MaximumLikelihood,
    OptimizedStrategy,
    Panel,
    RiskMonitor,
    SampleCovariance,
    WalkForward,
    run_backtest,
)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NASTY = "<script>alert(1)</script>"
CHARTS = ("growth", "volatility", "drawdown", "forecast", "weights", "contributions", "var")


@pytest.fixture(scope="module")
def page(prices, tmp_path_factory):
    """A report on assets and a strategy with names that would break out of the page."""
    named = prices.rename(columns={"A": NASTY, "B": "</script><b>B"})
    named.iloc[450:, 1] = np.nan  # so that something is flagged
    strategy = OptimizedStrategy(f"sample {NASTY}", SampleCovariance(300), window=300, min_history=100)
    monitor = RiskMonitor(MaximumLikelihood(tolerance=1e-3, iterations=30), window=300)
    result = run_backtest(
        strategy,
        Panel(named),
        WalkForward(300, 50),
        benchmarks=(EqualWeight(min_history=100),),
        monitor=monitor,
    )
    return result.to_html(tmp_path_factory.mktemp("report") / "deep" / "report.html")


def test_the_page_needs_no_network(page):
    text = page.read_text()
    tags = re.findall(r"<(?:script|link|img|iframe)[^>]*\b(?:src|href)=[\"']([^\"']*)", text)
    assert [target for target in tags if not target.startswith("data:")] == []
    assert "@import" not in text


def test_names_from_data_are_escaped(page):
    text = page.read_text()
    assert NASTY not in text
    assert "</script><b>B" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_the_page_holds_table_charts_flags_and_provenance(page):
    text = page.read_text()
    for chart in CHARTS:
        assert f'id="{chart}"' in text
    for word in ("no price any more", "equal weight", "Kupiec p", "10 days", "commit", "weights"):
        assert word in text


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: install Debian's chromium to run this")
def test_chromium_draws_every_chart_without_errors(page, tmp_path):
    """Every chart has drawn its axes, and the page logged no error."""
    check = """<script>
    window.problems = [];
    window.addEventListener('error', event => window.problems.push(String(event.message)));
    const complain = console.error;
    console.error = (...all) => { window.problems.push(all.join(' ')); complain(...all); };
    window.addEventListener('load', () => setTimeout(() => {
      const plots = [...document.querySelectorAll('.js-plotly-plot')];
      const drawn = plots.filter(p => p.querySelector('.main-svg .scatterlayer .trace')).map(p => p.id);
      document.title = JSON.stringify({drawn, problems: window.problems});
    }, 3000));
    </script>"""
    probe = tmp_path / "probe.html"
    probe.write_text(page.read_text().replace("<head>", "<head>" + check, 1))
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=15000", "--dump-dom", probe.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    title = re.search(r"<title>(\{.*?\})</title>", done.stdout)
    assert title, done.stderr[-500:]
    found = json.loads(title[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    assert found["problems"] == []
    assert set(found["drawn"]) == set(CHARTS)


def test_a_result_without_risk_or_covariance_still_has_a_page(prices, tmp_path):
    result = run_backtest(EqualWeight(min_history=100), Panel(prices), WalkForward(300, 100))
    text = result.to_html(tmp_path / "plain.html").read_text()
    assert 'id="growth"' in text
    assert 'id="var"' not in text
    assert isinstance(result.summary(), pd.DataFrame)
