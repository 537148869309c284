"""Studies of tasks: what makes one hard to carry beyond what was seen."""
