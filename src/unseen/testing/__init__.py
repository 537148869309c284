"""Helpers for tests: fail a test where an audit finds something, and hold a plug-in to the contract."""

from unseen.testing.checking import check
from unseen.testing.conformance import Conformance, conforms

__all__ = ["Conformance", "check", "conforms"]
