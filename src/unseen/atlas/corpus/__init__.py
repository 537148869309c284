"""A corpus of trained networks, made once: what is said of measures is said of the same runs (extra ``torch``).

Its recipe is this package (``python -m unseen.atlas.corpus``), its weights are kept in the user's cache, its scores and measures
stand in the table that ``kept.runs()`` reads.
"""
