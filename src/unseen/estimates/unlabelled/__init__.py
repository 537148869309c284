"""Accuracy of rows without labels, and how far it may be believed."""
