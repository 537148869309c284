"""From a finding to the answers behind it: which rows it blames, and the few that show it best."""

from unseen.items.answers import MOST_ANSWERS, Answers, answers_of
from unseen.items.blame import Blamed, blamed_by
from unseen.items.picking import WHY, Behind, behind

__all__ = ["MOST_ANSWERS", "WHY", "Answers", "Behind", "Blamed", "answers_of", "behind", "blamed_by"]
