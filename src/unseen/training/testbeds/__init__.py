"""How generated tasks become tensors, and their answers scores."""
