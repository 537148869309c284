"""A linter for generalisation: how far a model holds on what it has not seen, where it breaks, and how sure that is.

>>> import unseen
>>> unseen.__all__
['Audit', 'Estimate', 'Examples', 'Responses', 'Settings', 'audit', 'explain', 'improve', 'plan', 'read']
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from unseen.version import __version__ as __version__

if TYPE_CHECKING:
    from unseen.api import Audit, audit, explain, improve, plan, read
    from unseen.checks import Settings
    from unseen.data import Examples
    from unseen.estimates import Estimate
    from unseen.responses import Responses

__all__ = ["Audit", "Estimate", "Examples", "Responses", "Settings", "audit", "explain", "improve", "plan", "read"]

_HOMES = {
    "Audit": "unseen.api",
    "Estimate": "unseen.estimates",
    "Examples": "unseen.data",
    "Responses": "unseen.responses",
    "Settings": "unseen.checks",
    "audit": "unseen.api",
    "explain": "unseen.api",
    "improve": "unseen.api",
    "plan": "unseen.api",
    "read": "unseen.api",
}
_PACKAGES = ("atlas", "checks", "data", "engine", "estimates", "learners", "responses", "shifts", "tasks", "training")


def __getattr__(name: str) -> Any:
    # Resolved on first use: `import unseen` stays fast however much stands behind the names.
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _PACKAGES:
        return importlib.import_module(f"unseen.{name}")
    raise AttributeError(f"module 'unseen' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, *_PACKAGES]
