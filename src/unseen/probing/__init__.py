"""Items asked anew: variants that keep the right answer, what asking them costs, the doubt of a model, the table of its answers."""

from __future__ import annotations

from unseen.probing.probe import Planned, Probed, Probing, planned, probe

__all__ = ["Planned", "Probed", "Probing", "planned", "probe"]
