# make demo   the main job on the bundled prices: table here, report in out/report.html
# make test   lint, types and tests
# make env    the environment alone, in .venv
# Needs Python 3.11 or later with venv, and make; nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lint env studies clean

demo: env
	$(BIN)/riskengine backtest strategies/min_variance.py

test: env lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

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
	$(BIN)/python -m backtests.calibration_simulated
	$(BIN)/python -m backtests.calibration_limit
	$(BIN)/python -m backtests.calibration_shocks
	$(BIN)/python -m backtests.calibration_refined
	$(BIN)/python -m backtests.calibration_race
	$(BIN)/python -m backtests.egarch_evidence
	$(BIN)/python -m backtests.calibration_speed
	$(BIN)/python -m backtests.realized_volatility
	$(BIN)/python -m backtests.covariance_race
	$(BIN)/python -m backtests.min_risk_25
	$(BIN)/python -m backtests.bias_statistic
	$(BIN)/python -m backtests.optimiser_speed
	$(BIN)/python -m backtests.var_race
	$(BIN)/python -m backtests.risk_test_sizes
	$(BIN)/python -m backtests.scenario_speed
	$(BIN)/python -m backtests.scenario_realism
	$(BIN)/python -m backtests.live_speed
	$(BIN)/python -m backtests.vanilla_accuracy
	$(BIN)/python -m backtests.precalibration
	$(BIN)/python -m backtests.exotics_accuracy
	$(BIN)/python -m backtests.exotics_speed
	$(BIN)/python -m backtests.steady_risk
	$(BIN)/python -m backtests.backtest_speed
	$(BIN)/python -m backtests.drawdown_overlay

clean:
	rm -rf $(VENV) out .pytest_cache .mypy_cache .ruff_cache .hypothesis
