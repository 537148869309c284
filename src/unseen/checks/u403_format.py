"""U403: what labels, layout, length of options and type of question cost."""

from __future__ import annotations

from unseen.checks._kinds import CheckOfKinds
from unseen.checks._unit import Unit


class FormatRobustness(CheckOfKinds):
    """Compares each layout with the original, per model."""

    code = "U403"
    title = "format, length and question type"
    question = "Does the score rest on labels, layout, length of options or the type of question?"
    null = "The mean score under a layout is that of the originals."
    interest = "A mean loss from originals to a layout of at least smallest_gap of the score's range."
    method = (
        "For each level of the kinds format and length (column variant): loss = mean over pairs of score(original) − "
        "score(variant), exact McNemar and Tango's interval where pairs are independent and binary, else sign flips of whole "
        "clusters and CR2. Flips are counted both ways."
    )
    assumptions = (
        "A layout keeps what is asked. Without its options a question is harder for everybody: compare models before a loss "
        "there is laid to one of them."
    )
    sources = (
        "McNemar (1947); Tango (1998).",
        "Sclar et al. (2024), Quantifying language models' sensitivity to spurious features in prompt design.",
    )
    example = (
        "small-lm loses 0.14 [0.09, 0.19] under format, bullets: 0.61 on originals, 0.47 on these (240 pairs; 41 answers turn "
        "worse and 7 better)."
    )
    studies = ("generalization-stress-test",)
    kinds = ("format", "length")

    def advice(self, kind: str, level: str, unit: Unit) -> str:
        """What to do where a layout costs score."""
        return (
            f"See whether the answers are {'worse' if unit.lower or unit.graded else 'wrong'} or only written otherwise "
            "(raw_answer, unparsable); then fix the layout in the protocol, and report the mean over several."
        )
