"""Many small models side by side."""
