"""What the parts of examples share with those in training."""
