"""Several models or raters set against each other."""
