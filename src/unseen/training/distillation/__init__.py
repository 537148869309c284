"""Students under other models."""
