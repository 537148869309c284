"""Item response models: abilities, difficulties, items that behave differently, and wrong keys."""
