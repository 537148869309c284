"""Norms of trained weights, of their layers and of the paths through a network (extra ``torch``)."""
