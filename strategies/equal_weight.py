"""Equal weight.

Claim: none. The benchmark that asks for no forecast at all, and is hard to beat on return
(DeMiguel, Garlappi and Uppal 2009).
"""

from riskengine import EqualWeight


def build(*, min_history: int = 250) -> EqualWeight:
    """Equal weights in every asset with ``min_history`` observed returns."""
    return EqualWeight(min_history=min_history)
