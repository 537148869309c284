"""Learners on the Boolean cube."""
