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
    OptimizedStrategy,
    Panel,
    RiskMonitor,
    SampleCovariance,
    WalkForward,
    run_backtest,
)

NASTY = "<script>alert(1)</script>"
CHARTS = (
    "growth",
    "volatility",
    "lower",
    "drawdown",
    "forecast",
    "exposure",
    "trading",
    "concentration",
    "var",
    "distribution",
    "sharpe",
    "beta",
)
TABLES = (
    "summary",
    "months",
    "trailing",
    "drawdowns",
    "turns",
    "holdings",
    "costs",
    "exceptions",
    "today",
    "reduction",
    "more",
    "shape",
    "relative",
    "years",
    "worst",
    "trips",
)


@pytest.fixture(scope="module")
def page(prices, fixed_shape, tmp_path_factory):
    """A report on assets and a strategy with names that would break out of the page."""
    named = prices.rename(columns={"A": NASTY, "B": "</script><b>B"})
    named.iloc[450:, 1] = np.nan  # so that something is flagged
    strategy = OptimizedStrategy(f"sample {NASTY}", SampleCovariance(300), window=300, min_history=100)
    monitor = RiskMonitor(fixed_shape, window=300)
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


def test_the_page_is_light(page):
    assert page.stat().st_size < 400_000


def test_the_page_holds_table_charts_flags_and_provenance(page):
    text = page.read_text()
    for part in (*CHARTS, *TABLES):
        assert f'id="{part}"' in text
    for word in ("no price any more", "equal weight", "Kupiec p", "10 days", "commit", "weights"):
        assert word in text


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_chromium_draws_every_chart_without_errors(page, dom_of, tmp_path, width):
    """Every chart has its lines, values show under the pointer, nothing is cut, and the page logged no error."""
    check = """<script>
    window.problems = [];
    window.addEventListener('error', event => window.problems.push(String(event.message)));
    const complain = console.error;
    console.error = (...all) => { window.problems.push(all.join(' ')); complain(...all); };
    window.addEventListener('load', () => setTimeout(() => {
      document.getElementById('more').open = true;
      const charts = [...document.querySelectorAll('figure.chart')];
      const drawn = charts.filter(c => [...c.querySelectorAll('.plot svg path[data-name]')].some(
        p => p.getBBox().width > 0)).map(c => c.id);
      const wide = document.documentElement.scrollWidth > window.innerWidth;
      if (wide) window.problems.push('the page is wider than the screen');
      document.querySelector('.plot').dispatchEvent(new PointerEvent('pointermove', {clientX: 300, clientY: 300}));
      const said = document.querySelector('.tip').textContent;
      if (!/^\\d{4}-\\d\\d-\\d\\d\\n/.test(said)) window.problems.push('no values under the pointer');
      document.title = JSON.stringify({drawn, problems: window.problems});
    }, 300));
    </script>"""
    probe = tmp_path / "probe.html"
    probe.write_text(page.read_text().replace("<head>", "<head>" + check, 1))
    text = dom_of(probe, width)
    title = re.search(r"<title>(\{.*?\})</title>", text)
    assert title
    found = json.loads(title[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    assert found["problems"] == []
    assert set(found["drawn"]) == set(CHARTS)


@pytest.mark.browser
def test_axe_finds_nothing_serious(page, axe_findings):
    assert axe_findings(page.read_text()) == []


def test_a_result_without_risk_or_covariance_still_has_a_page(prices, tmp_path):
    result = run_backtest(EqualWeight(min_history=100), Panel(prices), WalkForward(300, 100))
    text = result.to_html(tmp_path / "plain.html").read_text()
    assert 'id="growth"' in text
    assert 'id="var"' not in text
    assert isinstance(result.summary(), pd.DataFrame)


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("pdfinfo") is None, reason="needs pdfinfo: install Debian's poppler-utils")
def test_it_prints_on_two_sheets(page, chromium, tmp_path):
    chromium(page, "no-pdf-header-footer", f"print-to-pdf={tmp_path / 'page.pdf'}")
    done = subprocess.run(["pdfinfo", tmp_path / "page.pdf"], capture_output=True, text=True, check=True)
    assert re.search(r"Pages:\s+2\b", done.stdout), done.stdout


def contrast(first, second):
    """Of two colours as #rrggbb, by WCAG 2."""

    def luminance(colour):
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_and_lines_stand_out_from_both_grounds(page):
    """WCAG 2: 4.5 for text, 3 for what is drawn."""
    grounds = re.findall(r":root \{ --page: #.*?\}", page.read_text())
    assert len(grounds) == 2
    for ground in grounds:
        colours = dict(re.findall(r"--([\w]+): (#[0-9a-f]{6})", ground))
        for name in ("ink", "quiet", "own", "green", "amber", "red"):
            assert contrast(colours[name], colours["page"]) >= 4.5, name
        for name in ("r0", "r1", "r2", "r3"):
            assert contrast(colours[name], colours["page"]) >= 3, name
