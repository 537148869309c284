"""Tasks of arithmetic and templated mathematics."""
