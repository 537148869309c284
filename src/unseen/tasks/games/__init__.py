"""Games played perfectly, and puzzles with one solution."""
