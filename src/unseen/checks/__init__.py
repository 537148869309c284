"""One question about generalisation a file; ``registry`` finds them."""

from unseen.checks.base import About, Check, Clear, Context, Found, NotApplicable, Outcome, Settings, Subject, Undecided

__all__ = [
    "About", "Check", "Clear", "Context", "Found", "NotApplicable", "Outcome", "Settings", "Subject", "Undecided",
]  # fmt: skip
