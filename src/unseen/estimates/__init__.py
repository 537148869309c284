"""Statistics of gaps, difficulty, confidence and comparison: arrays in, estimates out; nothing here knows of responses."""

from unseen.estimates.estimate import Estimate

__all__ = ["Estimate"]
