"""Trained networks as they are: a copy that nothing changes, its data as tensors, its answers, its gradients (extra ``torch``)."""

from unseen.engine.torch_extra import name_torch_extra
from unseen.learners.networks.inspected import Inspected
from unseen.learners.networks.network import Network
from unseen.learners.networks.sample import Sample

name_torch_extra(__name__)

__all__ = ["Inspected", "Network", "Sample"]
