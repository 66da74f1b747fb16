"""Studies of VaR, CVaR and scenarios: tests passed, sizes of tests, realism."""
