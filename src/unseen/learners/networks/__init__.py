"""Trained networks as they are: a copy that nothing changes, its data as tensors, its answers, its gradients (extra ``torch``)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from unseen.engine.torch_extra import name_torch_extra, needs_torch

if TYPE_CHECKING:
    from unseen.learners.networks.inspected import Inspected
    from unseen.learners.networks.network import Network
    from unseen.learners.networks.sample import Sample

name_torch_extra(__name__)

_HOMES = {"Inspected": "inspected", "Network": "network", "Sample": "sample"}
__all__ = ["Inspected", "Network", "Sample"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"unseen.learners.networks has no {name!r}; it has {', '.join(__all__)}.")
    with needs_torch(f"unseen.learners.networks.{name}"):
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
