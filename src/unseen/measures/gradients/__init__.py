"""What the gradients of single examples have in common."""
