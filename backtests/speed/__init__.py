"""Studies of speed: ratios to peers, measured in one run."""
