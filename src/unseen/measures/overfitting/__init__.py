"""Small worlds in which overfitting can be computed."""
