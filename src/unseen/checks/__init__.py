"""One question about generalisation a file; ``registry`` finds them."""

from unseen.checks.base import About, Check, Clear, Found, NotApplicable, Outcome, Settings, Subject

__all__ = ["About", "Check", "Clear", "Found", "NotApplicable", "Outcome", "Settings", "Subject"]
