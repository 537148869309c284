"""Stories: findings that one cause explains, told once; with the verdict and the scores of each model."""

from unseen.stories.scores import ScoreRow, ScoreTable
from unseen.stories.tell import tell
from unseen.stories.told import Story, Telling, Verdict

__all__ = ["ScoreRow", "ScoreTable", "Story", "Telling", "Verdict", "tell"]
