"""What stands before the options of a question, and how an answer to them is asked for: one place for all that asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from string import ascii_lowercase, ascii_uppercase
from typing import Literal

LETTERS = ascii_uppercase
# As many numbers as there are letters.
NUMBERS = tuple(str(i) for i in range(1, len(LETTERS) + 1))
LETTER_ALONE = "the letter of the right option alone"
# "other" stands for other marks around the letters than those of the log's own prompt.
Kind = Literal["letters", "bracketed", "numbers", "bullets", "hidden", "other"]


@dataclass(frozen=True, slots=True)
class Labels:
    """What stands before each option.

    Attributes:
        before: Ahead of the letter.
        after: Behind it.
        alphabet: Letters or numbers; empty for a bullet, which ``before`` is.
    """

    before: str = ""
    after: str = "."
    alphabet: Sequence[str] = LETTERS

    def at(self, place: int) -> str:
        """The label at a place.

        >>> Labels("(", ")").at(1), Labels("-", "", "").at(1)
        ('(B)', '-')
        """
        return f"{self.before}{self.alphabet[place] if self.alphabet else ''}{self.after}"

    def other(self) -> Labels:
        """Other marks around the same letters.

        >>> Labels().other().at(0), Labels("(", ")").other().at(0)
        ('(A)', 'A.')
        """
        before, after = ("", ".") if self.before == "(" else ("(", ")")
        return replace(self, before=before, after=after)

    def lines(self, options: Sequence[str], *, gap: str = " ", joint: str = "\n") -> str:
        r"""Options behind their labels.

        Args:
            options: Their texts.
            gap: Between a label and its option.
            joint: Between one option and the next.

        >>> Labels().lines(["Paris", "Rome"])
        'A. Paris\nB. Rome'
        """
        return joint.join(f"{self.at(i)}{gap}{o}" for i, o in enumerate(options))


BULLETS = Labels("-", "", "")
KINDS: dict[Kind, Labels] = {
    "letters": Labels(), "other": Labels().other(), "bracketed": Labels("(", ")", ascii_lowercase),
    "numbers": Labels(alphabet=NUMBERS), "bullets": BULLETS, "hidden": BULLETS,
}  # fmt: skip
# How the answer is asked for, by the labels of the options.
ASKED: dict[Kind, str] = {
    "letters": f"Answer with {LETTER_ALONE}.",
    "bracketed": f"Answer with {LETTER_ALONE}.",
    "numbers": "Answer with the number of the right option alone.",
    "bullets": "Answer with the right option alone, in its own words.",
    "hidden": "Answer in a few words.",
}
