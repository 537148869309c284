"""U404: what irrelevant context, other names, other numbers and typos cost."""

from __future__ import annotations

from unseen.checks._kinds import CheckOfKinds
from unseen.checks._unit import Unit


class IrrelevantChanges(CheckOfKinds):
    """Compares items with something changed that does not bear on the answer's difficulty, per model."""

    code = "U404"
    title = "irrelevant context, names, numbers, typos"
    question = "Does a model stumble over what has nothing to do with the question?"
    null = "The mean score with a sentence, names, numbers or typos changed is that of the originals."
    interest = "A mean loss from originals to such variants of at least smallest_gap of the score's range."
    method = (
        "For each level of the kinds context, names, numbers and typos (column variant): loss = mean over pairs of "
        "score(original) − score(variant), exact McNemar and Tango's interval where pairs are independent and binary, else sign "
        "flips of whole clusters and CR2. Flips are counted both ways."
    )
    assumptions = (
        "Such variants are as hard as their originals: numbers have as many digits, typos can be read, the sentence has nothing "
        "to do with the item. A loss under other numbers or names may also be memory of the originals (U501)."
    )
    sources = (
        "McNemar (1947); Tango (1998).",
        "Shi et al. (2023), Large language models can be easily distracted by irrelevant context.",
        "Mirzadeh et al. (2025), GSM-Symbolic.",
    )
    example = (
        "small-lm loses 0.09 [0.05, 0.14] under context, before: 0.61 on originals, 0.52 on these (240 pairs; 27 answers turn "
        "worse and 5 better)."
    )
    studies = ("generalization-stress-test",)
    kinds = ("context", "names", "numbers", "typos")

    def advice(self, kind: str, level: str, unit: Unit) -> str:
        """What to do where such a change costs score."""
        if kind in ("names", "numbers"):
            return (
                f"Compare with U501: the {unit.word} of a model that has learnt the originals by heart {unit.rises} more than "
                "that of others. Report both."
            )
        turn = "worse" if unit.lower or unit.graded else "wrong"
        return f"Read the answers that turned {turn}, and report the {unit.word} on such items beside that of the originals."
