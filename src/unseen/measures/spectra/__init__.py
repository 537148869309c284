"""Functions and weights in the Fourier and Walsh bases."""
