"""Studies of covariance forecasts: minimum variance, bias statistics, regret."""
