"""Studies of what helps at test time, without labels of the target."""
