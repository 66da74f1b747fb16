# make demo   what the engine is for: a 130/30 mandate on bundled prices, table here, page in out/demo/report.html
# make test   lint, types and tests
# make check  lint, types and the tests that are quick once their programs are compiled
# make docs   the site of the documentation, in out/site
# make env    the environment alone, in .venv
# Needs Python 3.11 or later with venv, and make; nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: demo test check lint env docs studies clean

demo: env
	$(BIN)/riskengine demo

test: env lint
	$(PYTEST)

check: env lint
	$(PYTEST) -m "not slow and not browser and not cluster and not database"

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

docs: env
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[test,docs]"
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

env: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "riskengine needs Python 3.11 or later: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[test]"
	touch $(STAMP)

# several hours on two cores; panels that are not there are left out with a word
studies: env
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[test,studies,ecosystem]"
	$(BIN)/python -m backtests.calibration.simulated
	$(BIN)/python -m backtests.calibration.limit
	$(BIN)/python -m backtests.calibration.shocks
	$(BIN)/python -m backtests.calibration.refined
	$(BIN)/python -m backtests.calibration.race
	$(BIN)/python -m backtests.calibration.egarch
	$(BIN)/python -m backtests.calibration.frontier
	$(BIN)/python -m backtests.calibration.universe_panels
	$(BIN)/python -m backtests.calibration.months
	$(BIN)/python -m backtests.speed.calibration
	$(BIN)/python -m backtests.speed.universe
	$(BIN)/python -m backtests.portfolio.realized_volatility
	$(BIN)/python -m backtests.covariance.race
	$(BIN)/python -m backtests.covariance.min_risk_25
	$(BIN)/python -m backtests.covariance.bias_statistic
	$(BIN)/python -m backtests.covariance.universe_experts
	$(BIN)/python -m backtests.speed.optimiser
	$(BIN)/python -m backtests.risk.var_race
	$(BIN)/python -m backtests.risk.test_sizes
	$(BIN)/python -m backtests.speed.scenarios
	$(BIN)/python -m backtests.risk.scenario_realism
	$(BIN)/python -m backtests.speed.live
	$(BIN)/python -m backtests.options.vanilla_accuracy
	$(BIN)/python -m backtests.options.chain_quantlib
	$(BIN)/python -m backtests.options.precalibration
	$(BIN)/python -m backtests.options.exotics_accuracy
	$(BIN)/python -m backtests.options.barrier_grid
	$(BIN)/python -m backtests.options.bridge
	$(BIN)/python -m backtests.speed.exotics
	$(BIN)/python -m backtests.portfolio.steady_risk
	$(BIN)/python -m backtests.speed.backtest
	$(BIN)/python -m backtests.portfolio.drawdown_overlay
	$(BIN)/python -m backtests.portfolio.demo_mandate
	$(BIN)/python -m backtests.speed.loading
	$(BIN)/python -m backtests.speed.cluster
	$(BIN)/python -m backtests.speed.cluster_risk
	$(BIN)/python -m backtests.speed.stream_sources

clean:
	rm -rf $(VENV) out .pytest_cache .mypy_cache .ruff_cache .hypothesis
