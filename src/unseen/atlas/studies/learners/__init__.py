"""Studies of architectures: which networks carry which tasks beyond their training range."""
