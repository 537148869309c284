"""Language models: asked for answers, for the probabilities of given ones, and for hidden states (extra ``lm``)."""

from unseen.engine.torch_extra import name_torch_extra
from unseen.learners.language.base import Answer, Completion, Generation, LanguageModel, Prompt, Scored
from unseen.learners.language.kept import Kept
from unseen.learners.language.named import language_model

name_torch_extra(__name__)

__all__ = ["Answer", "Completion", "Generation", "Kept", "LanguageModel", "Prompt", "Scored", "language_model"]
