"""Questions as they are asked of language models: items of a table, the prompt of their log, their layout, how answers are read."""

from unseen.learners.questions.forms import Form, Style
from unseen.learners.questions.items import Item, Left, items_of
from unseen.learners.questions.scoring import Reading, Scorer, scorer_named

__all__ = ["Form", "Item", "Left", "Reading", "Scorer", "Style", "items_of", "scorer_named"]
