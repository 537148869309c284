"""Schedules under limits, with optimal lengths."""
