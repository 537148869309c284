"""Intervals of means, differences and summaries of rows that come in clusters."""
