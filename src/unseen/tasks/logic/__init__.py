"""Tasks of logic, search and algorithms."""
