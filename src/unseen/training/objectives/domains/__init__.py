"""Objectives on vectors and images that know domains: reweighted, invariant, aligned, shifted, constrained, two-headed.

``base`` states what they share; ``registry`` lists them by name.
"""
