"""Studies of portfolios: realized volatility, volatility targets, drawdown control."""
