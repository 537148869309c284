"""Confidence against outcomes: calibration, ranking, and mending either."""
