"""Scenes: grids of coloured shapes, and questions about them."""
