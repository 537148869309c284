"""Studies of how training decides what generalises."""
