"""Where a score falls: levels, slices, breaks, trends, and a drop taken apart."""
