"""Studies of option prices: accuracy against references, calibration from a GARCH start."""
