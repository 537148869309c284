"""Numbers read off curves over difficulty or losses."""
