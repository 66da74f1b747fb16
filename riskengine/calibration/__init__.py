"""Calibrators: the network, universes, batched maximum likelihood, and the ``arch`` package as a reference."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.calibration.arch_reference import ArchReference as ArchReference
    from riskengine.calibration.calibration_stream import CalibrationStream as CalibrationStream
    from riskengine.calibration.dated import per_row as per_row
    from riskengine.calibration.importance import exact_moments as exact_moments
    from riskengine.calibration.maximum_likelihood import MaximumLikelihood as MaximumLikelihood
    from riskengine.calibration.neural import NeuralCalibrator as NeuralCalibrator
    from riskengine.calibration.neural import takes_over as takes_over
    from riskengine.calibration.posterior import Posterior as Posterior
    from riskengine.calibration.prior import TrainingPrior as TrainingPrior
    from riskengine.calibration.result import Calibration as Calibration
    from riskengine.calibration.result import Calibrator as Calibrator
    from riskengine.calibration.result import Status as Status
    from riskengine.calibration.result import as_matrix as as_matrix
    from riskengine.calibration.standard import calibrate as calibrate
    from riskengine.calibration.standard import ranges_for as ranges_for
    from riskengine.calibration.standard import standard_calibrator as standard_calibrator
    from riskengine.calibration.universe_calibrator import UniverseCalibrator as UniverseCalibrator

lazy_face(__name__)
