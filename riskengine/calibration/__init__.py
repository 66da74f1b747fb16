"""Calibrators: the network, universes, batched maximum likelihood, and the ``arch`` package as a reference."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.calibration.arch_reference import ArchReference
    from riskengine.calibration.calibration_stream import CalibrationStream
    from riskengine.calibration.importance import exact_moments
    from riskengine.calibration.maximum_likelihood import MaximumLikelihood
    from riskengine.calibration.neural import NeuralCalibrator, takes_over
    from riskengine.calibration.posterior import Posterior
    from riskengine.calibration.prior import TrainingPrior
    from riskengine.calibration.result import Calibration, Calibrator, Status, as_matrix
    from riskengine.calibration.standard import calibrate, standard_calibrator
    from riskengine.calibration.universe_calibrator import UniverseCalibrator

__all__ = [
    "ArchReference",
    "Calibration",
    "CalibrationStream",
    "Calibrator",
    "MaximumLikelihood",
    "NeuralCalibrator",
    "Posterior",
    "Status",
    "TrainingPrior",
    "UniverseCalibrator",
    "as_matrix",
    "calibrate",
    "exact_moments",
    "standard_calibrator",
    "takes_over",
]

lazy_face(__name__)
