"""How two samples differ, and weights that make them alike."""
