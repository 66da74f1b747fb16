"""Strategies, one a file: a claim, and build(...) -> Strategy. Run them with `riskengine backtest FILE`."""
