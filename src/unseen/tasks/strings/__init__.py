"""Tasks on strings and sequences."""
