"""A learner under shift: the problem, the learner by name or object, the plan of refits, and what came out."""

from unseen.refitting.design import Case, Plan, plan
from unseen.refitting.problem import Problem, problem_of
from unseen.refitting.refits import Piece, Refitted, Runner
from unseen.refitting.resolve import Spec, resolve, spec_of
from unseen.refitting.under_shift import UnderShift

__all__ = [
    "Case",
    "Piece",
    "Plan",
    "Problem",
    "Refitted",
    "Runner",
    "Spec",
    "UnderShift",
    "plan",
    "problem_of",
    "resolve",
    "spec_of",
]
