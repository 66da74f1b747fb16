"""The session's rules: float64 and strict promotion in jax, all cores as devices, no GPU to depend on.

And what many files share: simulated and bundled prices, a calibrator that costs nothing, the command line as a call.

Compiling is most of what this suite costs: seconds for each length and width of a network's or a likelihood's input.
:mod:`riskengine.calibration.padding` rounds them. So tests whose subject is not the shape stay below 16 assets, and
take lengths that others take too: up to 320 or 640 days, or 900 (of ``returns``).
"""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Compiled plainly, in a third of the processor time: what then runs half as fast is too short to feel it.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
    " --xla_cpu_parallel_codegen_split_count=1",
)
# Two threads of BLAS in each of two processes wait for each other, and turn while they wait: a matrix of 300 assets
# then takes thirty times as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
# What one module, process or session has compiled serves the others; the keys are the programs themselves.
os.environ["RISKENGINE_CACHE"] = str(Path(__file__).parents[1] / ".pytest_cache" / "compiled")
os.environ["JAX_COMPILATION_CACHE_DIR"] = os.environ["RISKENGINE_CACHE"]
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"  # small ones too: half of compiling them

import jax
import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from riskengine.runtime import use_cores

use_cores()
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")

# The first example of a property compiles; time limits an example would only measure the compiler.
settings.register_profile("session", deadline=None, max_examples=40)
settings.load_profile("session")

ROOT = Path(__file__).parents[1]
BUNDLED = ROOT / "data" / "us_equities_20" / "prices.parquet"


LONGEST = ("test_docs.py", "test_neural.py", "test_calibrators.py", "test_cli.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest come first, so that no process is left with one of them at the end."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


MOST_RESIDENT = 3 << 30
"""Bytes of a test process from which on what was compiled is dropped."""

MOST_MAPPINGS = 30_000
"""The same in mappings of memory: Linux ends a process that asks for more than 65,530, and each program takes some."""


def resident() -> int:
    """Bytes of memory that this process holds; as many as could be where the system does not say."""
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if pages.exists() else 1 << 62


def mappings() -> int:
    """Mappings of memory of this process; none where the system does not say."""
    maps = Path("/proc/self/maps")
    return maps.read_bytes().count(b"\n") if maps.exists() else 0


@pytest.fixture(scope="module", autouse=True)
def _forget_compiled():
    """Keep what was compiled for the modules that follow, as long as memory lasts."""
    yield
    if resident() > MOST_RESIDENT or mappings() > MOST_MAPPINGS:
        jax.clear_caches()


@pytest.fixture(autouse=True)
def _room_for_programs():
    """After a test that may have compiled much, make room before the system's limit is near."""
    begun = time.monotonic()
    yield
    if time.monotonic() - begun > 1 and mappings() > MOST_MAPPINGS:
        jax.clear_caches()


@pytest.fixture(scope="session")
def bundled():
    """The bundled panel."""
    from riskengine import load_panel

    return load_panel(BUNDLED)


@pytest.fixture(scope="session")
def returns() -> np.ndarray:
    """Simulated GARCH returns of six assets with a common factor, (900, 6)."""
    rng = np.random.default_rng(7)
    market = rng.standard_t(6, 900) * 0.006
    own = rng.standard_t(5, (900, 6)) * 0.008
    calm = np.exp(0.4 * np.sin(np.arange(900) / 60))[:, None]
    return (market[:, None] * np.linspace(0.6, 1.4, 6) + own) * calm


@pytest.fixture(scope="session")
def prices(returns) -> pd.DataFrame:
    """Prices of the simulated returns, 901 business days."""
    levels = 100 * np.vstack([np.ones(6), np.cumprod(1 + returns, axis=0)])
    return pd.DataFrame(levels, pd.bdate_range("2015-01-01", periods=901), list("ABCDEF"))


class FixedShape:
    """A calibrator that estimates nothing but the level: all that tests of the layers above it need."""

    def __call__(self, returns):
        from riskengine.calibration import Calibration, Status
        from riskengine.calibration.posterior import Posterior
        from riskengine.calibration.result import as_matrix
        from riskengine.garch import GarchParams

        matrix, assets = as_matrix(returns)
        n, seen = len(assets), ~np.isnan(matrix)
        total = np.sum(np.where(seen, matrix, 0) ** 2, axis=0)
        variance = np.maximum(total / np.maximum(seen.sum(axis=0), 1), 1e-8)
        one = np.ones(n)
        mean = np.stack([np.log(variance), 3.5 * one, -2.5 * one, 0.8 * one, -0.8 * one], axis=-1)
        return Calibration(
            assets=assets,
            params=GarchParams(0.03 * variance, 0.04 * one, 0.06 * one, 0.90 * one, 6.0 * one),
            posterior=Posterior(mean, np.broadcast_to(0.1 * np.eye(5), (n, 5, 5)).copy()),
            log_likelihood=np.zeros(n),
            status=(Status.OK,) * n,
            mean=np.zeros(n),
            next_variance=variance,
            presample=variance,
            observations=seen.sum(axis=0),
        )


@pytest.fixture(scope="session")
def fixed_shape() -> FixedShape:
    """A calibrator that costs nothing to compile."""
    return FixedShape()


@pytest.fixture
def command(monkeypatch, capsys):
    """``riskengine`` in this process: exit status, standard output, standard error; ``given`` is standard input."""
    from riskengine.cli import main

    monkeypatch.setenv("COLUMNS", "300")

    def call(*arguments, given: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["riskengine", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return stop.value.code or 0, captured.out, captured.err

    return call


@pytest.fixture
def quick_command(command, monkeypatch, fixed_shape):
    """``command`` with a calibrator that costs nothing in place of the network."""
    from riskengine.cli import runs

    monkeypatch.setattr(runs, "network", lambda: fixed_shape)
    monkeypatch.setattr("riskengine.runtime.keep_compiled", lambda: None)
    return command


@pytest.fixture(scope="session")
def chromium_command(tmp_path_factory) -> list[str]:
    """Headless Chromium with a profile of its own. Skipped where there is none."""
    found = [
        path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))
    ]
    if not found:
        pytest.skip("no Chromium here: install Debian's chromium to run this")
    usual = [
        "headless",
        "no-sandbox",
        "disable-gpu",
        "no-first-run",
        "disable-background-networking",
        "disable-sync",
    ]
    usual += ["disable-component-update", f"user-data-dir={tmp_path_factory.mktemp('chromium')}"]
    return [found[0], *(f"--{flag}" for flag in usual)]


@pytest.fixture(scope="session")
def chromium(chromium_command):
    """Chromium as a call: a page, and options; what it printed."""

    def call(page: Path, *options: str) -> str:
        flags = [f"--{flag}" for flag in ("virtual-time-budget=15000", *options)]
        done = subprocess.run(
            [*chromium_command, *flags, page.as_uri()],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-500:]
        assert "CONSOLE" not in done.stderr, done.stderr
        return done.stdout

    return call


@pytest.fixture(scope="session")
def dom_of(chromium):
    """A page as it stands once its scripts have run, on a screen so many pixels wide."""
    return lambda page, width: chromium(
        page, "dump-dom", f"window-size={width},2000", "enable-logging=stderr"
    )


@pytest.fixture
def browser(chromium_command):
    """Chromium as a reader of pages that never end: an address, a width, and a script that is asked until it gives
    something; what it gave. The page must have logged nothing."""
    import asyncio

    from tornado.websocket import websocket_connect

    async def told(where: str, address: str, width: int, script: str, picture: Path | None) -> Any:
        socket, sent, logged = await websocket_connect(where, max_message_size=1 << 26), 0, []

        async def ask(method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
            nonlocal sent
            sent += 1
            more = {} if session is None else {"sessionId": session}
            await socket.write_message(
                json.dumps({"id": sent, "method": method, "params": parameters, **more})
            )
            while True:
                answer = json.loads(await socket.read_message())
                if answer.get("id") == sent:
                    assert "error" not in answer, answer
                    return answer["result"]
                if answer.get("method") in (
                    "Runtime.exceptionThrown",
                    "Runtime.consoleAPICalled",
                    "Log.entryAdded",
                ):
                    logged.append(answer["params"])

        target = (await ask("Target.createTarget", url="about:blank"))["targetId"]
        page = (await ask("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        for part in ("Page", "Runtime", "Log"):
            await ask(f"{part}.enable", page)
        await ask(
            "Emulation.setDeviceMetricsOverride",
            page,
            width=width,
            height=1600,
            deviceScaleFactor=1,
            mobile=False,
        )
        await ask("Page.navigate", page, url=address)
        value, deadline = None, time.monotonic() + 60
        while value is None and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
            value = (await ask("Runtime.evaluate", page, expression=script, returnByValue=True))[
                "result"
            ].get("value")
        if picture is not None:
            shot = (await ask("Page.captureScreenshot", page))["data"]
            picture.write_bytes(base64.b64decode(shot))
        socket.close()
        while await socket.read_message() is not None:
            pass
        assert logged == []
        return value

    with subprocess.Popen(
        [*chromium_command, "--remote-debugging-port=0"], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        where = next(line.split()[-1] for line in process.stderr if "DevTools listening on" in line)
        threading.Thread(target=process.stderr.read, daemon=True).start()

        def call(address: str, width: int, script: str, picture: Path | None = None) -> Any:
            return asyncio.run(told(where, address, width, script, picture))

        yield call
        process.terminate()


AXE = "axe-core@4.14.1"


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core, fetched once into the cache of the tests."""
    folder = ROOT / ".pytest_cache" / "axe"
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        if shutil.which("npm") is None:
            pytest.skip("no npm here, which fetches axe-core: install Debian's npm to run this")
        command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", str(folder), AXE]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode:
            pytest.skip(f"npm could not fetch {AXE}: {done.stderr.strip().splitlines()[-1]}")
    return script.read_text()


@pytest.fixture
def axe_findings(axe, dom_of, tmp_path):
    """Serious and critical findings of axe-core on a page: a phone wide, light and dark, all that is folded opened."""
    probe = (ROOT / "tests" / "axe_probe.html").read_text().replace("/* axe-core */", axe)

    def examine(page: str) -> list[str]:
        file = tmp_path / "probe.html"
        file.write_text(page.replace("</body>", probe + "</body>"))
        told = dom_of(file, 390).partition('<pre id="told">')[2].partition("</pre>")[0]
        found = json.loads(told.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
        light, dark = (int(ground.removeprefix("rgb(").partition(",")[0]) for ground in found["grounds"])
        assert light > 200 > 60 > dark, "it was not examined on both grounds"
        return found["violations"]

    return examine
