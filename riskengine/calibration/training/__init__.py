"""Training of the network: series drawn from a prior, with accidents in them, and the run that makes the weights."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.calibration.training.contaminants import Contaminants
    from riskengine.calibration.training.loop import Training
    from riskengine.calibration.training.pretraining import (
        DAILY,
        LENGTHS,
        fresh_series,
        natural,
        pretrain,
        qlike,
    )

__all__ = ["DAILY", "LENGTHS", "Contaminants", "Training", "fresh_series", "natural", "pretrain", "qlike"]

lazy_face(__name__)
