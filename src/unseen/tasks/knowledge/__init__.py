"""Tasks on facts and stories."""
