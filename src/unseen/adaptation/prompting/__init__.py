"""Ways to ask a language model: examples, reasoning, parts, votes and tools around the same question."""

from unseen.adaptation.prompting.base import Asker, Question, Said, instructed, plainly
from unseen.adaptation.prompting.chains import chain_of_thought, self_consistency
from unseen.adaptation.prompting.examples import few_shot
from unseen.adaptation.prompting.experts import experts
from unseen.adaptation.prompting.options import choice_shuffling, option_likelihood, two_models
from unseen.adaptation.prompting.parts import least_to_most, self_ask, skills_in_context
from unseen.adaptation.prompting.search import deal
from unseen.adaptation.prompting.tools import calculator, constrained, lookups

__all__ = [
    "Asker",
    "Question",
    "Said",
    "calculator",
    "chain_of_thought",
    "choice_shuffling",
    "constrained",
    "deal",
    "experts",
    "few_shot",
    "instructed",
    "least_to_most",
    "lookups",
    "option_likelihood",
    "plainly",
    "self_ask",
    "self_consistency",
    "skills_in_context",
    "two_models",
]
