"""Plain PyTorch architectures, one short file each; shapes stand in the comments and docstrings.

Sequence models share one contract: ``forward(tokens (batch, n)) -> logits (batch, n, vocabulary)``.
"""
