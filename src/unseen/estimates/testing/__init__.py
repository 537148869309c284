"""Many tests at once, and what a design can show."""
