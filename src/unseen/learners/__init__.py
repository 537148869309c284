"""Learners: the protocol, scikit-learn estimators as they are, and plain architectures (extra torch)."""

from unseen.learners.base import Learner, responses_of
from unseen.learners.estimators import NAMES, EstimatorLearner, named

__all__ = ["NAMES", "EstimatorLearner", "Learner", "named", "responses_of"]
