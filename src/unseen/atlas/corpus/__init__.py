"""A corpus of trained networks, made once: what is said of measures is said of the same runs.

Its recipe is this package (``python -m unseen.atlas.corpus``, extra ``torch``), its weights are kept in the user's cache;
scores and measures stand in the table that ``table.runs()`` reads, what follows for measures in ``told.read()``.
"""
