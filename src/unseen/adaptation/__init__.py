"""What happens at test time: predictions, statistics and memories that follow the data at hand."""

from unseen.adaptation.adapted import Adapted
from unseen.adaptation.base import SETTINGS, Adapter, Batch, Source, adapt
from unseen.adaptation.choice import RULES, Choice, Trial, choose
from unseen.adaptation.ensembles import Ensemble, combine
from unseen.adaptation.methods import NAMES, Method, grid, named
from unseen.engine.torch_extra import name_torch_extra

__all__ = [
    "NAMES", "RULES", "SETTINGS", "Adapted", "Adapter", "Batch", "Choice", "Ensemble", "Method", "Source", "Trial",
    "adapt", "choose", "combine", "grid", "named",
]  # fmt: skip

name_torch_extra(__name__)
