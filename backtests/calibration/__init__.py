"""Studies of calibrators: distance to the exact posterior, races on real prices, outliers."""
