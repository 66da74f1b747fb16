"""Training of the network: series drawn from a prior, with accidents in them, and the run that makes the weights."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.calibration.training.contaminants import Contaminants as Contaminants
    from riskengine.calibration.training.loop import Training as Training
    from riskengine.calibration.training.pretraining import DAILY as DAILY
    from riskengine.calibration.training.pretraining import LENGTHS as LENGTHS
    from riskengine.calibration.training.pretraining import fresh_series as fresh_series
    from riskengine.calibration.training.pretraining import natural as natural
    from riskengine.calibration.training.pretraining import pretrain as pretrain
    from riskengine.calibration.training.pretraining import qlike as qlike

lazy_face(__name__)
