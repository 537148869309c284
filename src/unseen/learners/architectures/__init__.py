"""Plain PyTorch architectures, one short file each; shapes stand in the comments and docstrings.

Sequence models share one contract: ``forward(tokens (batch, n)) -> logits (batch, n, vocabulary)``.
"""

from unseen.engine.torch_extra import name_torch_extra

name_torch_extra(__name__)
