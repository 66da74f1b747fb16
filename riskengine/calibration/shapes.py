"""Rounded shapes, so that a universe one asset wider or one day longer does not compile anew."""


def bucket(size: int) -> int:
    """The next of 16, 20, 24, 28, 32, 40, ...: four sizes an octave, so that few shapes are ever compiled."""
    step = max(4, 2 ** (max(size - 1, 1).bit_length() - 3))
    return max(16, -(-size // step) * step)
