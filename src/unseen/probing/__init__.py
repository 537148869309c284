"""Items asked anew: variants that keep the right answer, the questions to a model, how its answers are read, their table."""

from __future__ import annotations

from unseen.probing.items import Item, Left, items_of
from unseen.probing.probe import Planned, Probed, Probing, planned, probe
from unseen.probing.scoring import Scorer, scorer_named

__all__ = ["Item", "Left", "Planned", "Probed", "Probing", "Scorer", "items_of", "planned", "probe", "scorer_named"]
