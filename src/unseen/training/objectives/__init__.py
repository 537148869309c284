"""Objectives: what is computed from a model and a batch to be lowered, and how answers are scored.

``base`` states the contract; ``sequences`` holds token objectives, ``tensors`` those on vectors and images.
"""
