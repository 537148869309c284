"""U304: right answers through invalid steps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unseen.checks._forms import share_of
from unseen.checks._judged import MIN_LABELS
from unseen.checks._numbers import invalid_steps
from unseen.checks._rows import percent, scored
from unseen.checks.base import About, Check, Found, Outcome, Settings, Subject, guarded
from unseen.checks.blame import Blame, rows_in
from unseen.checks.details.models import StepsBehind, StepsBySide
from unseen.errors import TooFewUnits, Undefined
from unseen.estimates import Estimate
from unseen.estimates.intervals.codes import distinct
from unseen.estimates.intervals.means import difference, mean_estimate
from unseen.estimates.intervals.prediction_powered import Powered, numbered
from unseen.plain_text import counted

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Judged:
    """Rows of one model whose steps were judged.

    Attributes:
        model: Its name.
        right: Whether the answer is right, shape (n,).
        invalid: 1 where a step is invalid by the verifier, shape (n,).
        human: The same by a human, NaN where none judged it; shape (n,).
        cluster: Integer of the sampling unit, shape (n,).
        seen: Whether a row is seen, shape (n,).
        unseen: Whether it is unseen, shape (n,).
        left_out: Labelled rows whose steps were not judged.
    """

    model: str
    right: NDArray[np.bool_]
    invalid: FloatArray
    human: FloatArray
    cluster: NDArray[np.integer]
    seen: NDArray[np.bool_]
    unseen: NDArray[np.bool_]
    left_out: int

    def on(self, split: str) -> NDArray[np.bool_]:
        """Rows of a side; of "all" every row."""
        return {"seen": self.seen, "unseen": self.unseen}.get(split, np.ones(len(self.right), dtype=bool))


class InvalidSteps(Check):
    """Among right answers the share whose steps a verifier refuses."""

    code = "U304"
    title = "right answers through invalid steps"
    question = "When an answer is right, are the steps that led to it, and still so on what the model has not seen?"
    null = (
        "Of the right answers at most smallest_gap come through an invalid step; unseen rows have no more of them than seen "
        "ones."
    )
    interest = "A share of right answers with an invalid step above smallest_gap, or a rise of it among all answers."
    method = (
        "Share of right answers (score in the upper half of its range) one of whose steps is invalid by the column steps_valid; "
        "clustered Wilson interval; one-sided, the larger p-value of score test and binomial tail against smallest_gap. With "
        "seen and unseen rows also the rise, unseen less seen, of right less right with all steps valid, a difference of "
        "two shares of all answers. Where a human judged the steps of some right answers (human_steps_valid, drawn at random) the "
        "share is that of PPI++: the human's labels take the verifier's bias out."
    )
    assumptions = (
        "The verifier of steps is right; without a human's labels a verifier that calls valid steps invalid as often shows the "
        "same share, which is said. Answers whose steps were not judged are left out and counted. Clusters are independent."
    )
    sources = (
        "Boye & Moell (2025), Large language models and mathematical reasoning failures.",
        "Lightman et al. (2024), Let's verify step by step.",
        "Angelopoulos, Duchi & Zrnic (2023), PPI++.",
    )
    example = (
        "Of 412 right answers of small-lm on unseen rows 21 % [17 %, 25 %] come through an invalid step: right 0.55, right with "
        "valid steps 0.43."
    )
    needs = ("responses", "steps_valid")
    studies = ("math-reasoning-failures",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a model and side, and one on the rise from seen to unseen rows."""
        answers = subject.answers
        if answers.score_kind.name == "unbounded":
            return [self.not_applicable("Scores have no range, so that right and wrong can't be told apart.",
                                        "Give the range of the score (--range LOW:HIGH).")]  # fmt: skip
        made: list[Outcome] = []
        for one in judged_rows(subject):
            both = one.seen.any() and one.unseen.any()
            for split in ("seen", "unseen") if both else ("all",):
                about = About("model", one.model) if split == "all" else About("slice", f"{one.model}, {split} rows")
                made.append(guarded(self, about, lambda o=one, s=split, a=about: self._share(o, s, a, settings)))
            if both:
                about = About("slice", f"{one.model}: unseen against seen")
                made.append(guarded(self, about, lambda o=one, a=about: self._rise(o, a, settings)))
        return made or [
            self.not_applicable(
                "No labelled answer has judged steps.",
                "Fill in steps_valid where there is a score.",
                unlocks=("steps_valid",),
            )
        ]

    def _share(self, one: Judged, split: str, about: About, settings: Settings) -> Outcome:
        side = one.on(split)
        rows = side & one.right
        units = distinct(one.cluster[rows]) if rows.any() else 0
        where = "" if split == "all" else f" on {split} rows"
        if units < settings.min_units:
            raise TooFewUnits(
                f"{one.model} has {counted(units, 'independent right answer')} with judged steps{where}, not {settings.min_units}."
            )
        share, p, noise = _corrected(one, rows, settings)
        right, valid = float(one.right[side].mean()), float((one.right & (one.invalid == 0))[side].mean())
        if noise.corrected:
            valid = right * (1 - share.value)
        n = counted(int(rows.sum()), "right answer")
        said = (
            f"Of {n} of {one.model}{where} {percent(share)} come through an invalid step: right {right:.2f}, right with valid "
            f"steps {valid:.2f}"
        )
        missing = f"; {one.left_out:,} of its answers have no judged steps" if one.left_out else ""
        outcome = self.decide(
            about=about,
            estimate=share,
            p_value=p,
            found=f"{said}{missing}. {noise.told}",
            clear=f"{said}{missing}.",
            next_step="Read the answers behind it; score the steps too, or give the model problems whose answer can't be had "
            "without them.",
            settings=settings,
            blames=Blame((one.model,), rows_in(split), measure="other"),
            shared=f"{{}} of right answers{where} come through an invalid step",
            details=StepsBehind(
                model=one.model, split=split, invalid=share, right=right, right_and_valid=valid, answers=int(side.sum()),
                verifier_agrees=noise.agrees, human_labels=noise.labels, sides=_by_side(one, settings),
            ),
        )  # fmt: skip
        if noise.contradicted and isinstance(outcome, Found):
            # Labels that can't correct the verifier, and that take back most of what it refused, leave nothing to find.
            return self.undecided(
                about=about, estimate=share, settings=settings, p_value=p, effect=outcome.effect, details=outcome.details,
                statement=f"Not decided ({self.title}): {said}{missing}. {noise.told}",
                next_step=f"Have a human judge the steps of right answers of at least {MIN_LABELS} independent units.",
            )  # fmt: skip
        return outcome

    def _rise(self, one: Judged, about: About, settings: Settings) -> Outcome:
        hidden = (one.right & (one.invalid > 0)).astype(np.float64)
        data = [(hidden[s], one.cluster[s]) for s in (one.unseen, one.seen)]
        for name, (_, cluster) in zip(("unseen", "seen"), data, strict=True):
            if (units := distinct(cluster)) < settings.min_units:
                raise TooFewUnits(
                    f"{one.model} has {counted(units, 'independent answer')} on {name} rows, not {settings.min_units}."
                )
        rise, p = difference(*data[0], *data[1], level=settings.level, names=("unseen", "seen"))
        told = "; ".join(
            f"{name} {one.right[s].mean():.2f} right, {(one.right & (one.invalid == 0))[s].mean():.2f} with valid steps"
            for name, s in (("seen", one.seen), ("unseen", one.unseen))
        )
        return self.decide(
            about=about,
            estimate=rise,
            p_value=p,
            found=f"{one.model}'s score hides more invalid steps on unseen rows, by {rise.format(2)}: {told}.",
            clear=f"{one.model}'s score hides no more invalid steps on unseen rows than on seen ones, or too few more to matter "
            f"(rise {rise.format(2)}): {told}.",
            next_step="Compare the sides by answers whose steps are valid: the loss on unseen rows is larger than the score says.",
            settings=settings,
            blames=Blame((one.model,), rows_in("unseen"), measure="other"),
            shared="the score hides more invalid steps on unseen rows, by {}",
            details=StepsBehind(
                model=one.model, split="unseen", invalid=rise, right=float(one.right[one.unseen].mean()),
                right_and_valid=float((one.right & (one.invalid == 0))[one.unseen].mean()), answers=int(one.unseen.sum()),
                sides=_by_side(one, settings),
            ),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Noise:
    """What is known of the verifier's errors.

    Attributes:
        told: A sentence.
        agrees: Share of the human's labels that it agrees with; None without labels.
        labels: Right answers whose steps a human judged.
        corrected: Whether the share is corrected by them.
        contradicted: Whether they are too few to correct it, and call most of the steps valid that it refused.
    """

    told: str
    agrees: float | None = None
    labels: int = 0
    corrected: bool = False
    contradicted: bool = False


def _corrected(one: Judged, rows: NDArray[np.bool_], settings: Settings) -> tuple[Estimate, float, Noise]:
    """The share of rows with an invalid step, corrected by a human's labels where there are enough; its p-value."""
    invalid, cluster, human = one.invalid[rows], one.cluster[rows], one.human[rows]
    has = ~np.isnan(human)
    labels = distinct(cluster[has]) if has.any() else 0
    share = share_of(
        invalid.tolist(), cluster.tolist(), repeated=False, at_most=settings.smallest_gap, level=settings.level,
        what="the share with an invalid step",
    )  # fmt: skip
    if labels < MIN_LABELS:
        agree = int(np.sum(human[has] == invalid[has]))
        told = (
            f"A human judged the steps of {int(has.sum()):,} of them ({counted(labels, 'independent answer')}) and agrees with the "
            f"verifier on {agree:,}: too few to correct it."
        )
        if not has.any():
            most = 100 * max(0.0, share.estimate.low)
            told = f"No human judged the steps: a verifier that refuses {most:.0f} % of valid ones would show as much."
        refused = has & (invalid > 0)
        contradicted = bool(refused.any()) and float(np.mean(human[refused] > 0)) < 0.5
        return share.estimate, share.p_value, Noise(told, None, int(has.sum()), contradicted=contradicted)
    agrees = float(np.mean(human[has] == invalid[has]))
    powered = Powered.of(
        human,
        invalid,
        *numbered(cluster.astype(np.int64)),
        score_range=(0.0, 1.0),
        what="the share with an invalid step",
    )
    estimate = powered.estimate(settings.level)
    told = (
        f"A human judged the steps of {int(has.sum()):,} of them, agrees with the verifier on {100 * agrees:.0f} %, and "
        f"corrects its {100 * invalid.mean():.0f} %."
    )
    return estimate, _one_sided(powered, settings.smallest_gap), Noise(told, agrees, int(has.sum()), corrected=True)


def _one_sided(powered: Powered, at_most: float) -> float:
    """One-sided p-value of "at most so much": where the lower end of the interval just touches it."""
    value = powered.estimate(0.95).value
    if value <= at_most:
        return 1.0 - _one_sided_above(powered, at_most, up=False)
    return _one_sided_above(powered, at_most, up=True)


def _one_sided_above(powered: Powered, at_most: float, *, up: bool) -> float:
    low, high = 1e-9, 1 - 1e-9
    for _ in range(40):
        level = (low + high) / 2
        e = powered.estimate(level)
        outside = e.low > at_most if up else e.high < at_most
        low, high = (level, high) if outside else (low, level)
    return (1 - low) / 2


def _by_side(one: Judged, settings: Settings) -> tuple[StepsBySide, ...]:
    """Right answers, and those with valid steps, on each side."""
    made: list[StepsBySide] = []
    for split in ("seen", "unseen") if one.seen.any() and one.unseen.any() else ("all",):
        at = one.on(split)
        try:
            right, valid = (
                mean_estimate(x[at].astype(np.float64), one.cluster[at], level=settings.level, binary=True)
                for x in (one.right, one.right & (one.invalid == 0))
            )
        except (TooFewUnits, Undefined):
            continue
        made.append(StepsBySide(split, right, valid))
    return tuple(made)


def judged_rows(subject: Subject) -> list[Judged]:
    """The labelled rows of each model whose steps were judged."""
    answers, rows = subject.answers, scored(subject)
    steps, human = (
        rows.take(invalid_steps(answers.table[c])) if answers.has(c) else np.full(len(rows.row), np.nan)
        for c in ("steps_valid", "human_steps_valid")
    )
    middle = (answers.score_kind.low + answers.score_kind.high) / 2
    side = [
        rows.take(answers.is_split(name)) if answers.has("split") else np.zeros(len(rows.row), dtype=bool)
        for name in ("seen", "unseen")
    ]
    found: list[Judged] = []
    for name, part in rows.each():
        known = ~np.isnan(steps[part])
        if not known.any():
            continue
        seen, unseen = (s[part][known] for s in side)
        left_out = int((~known).sum())
        right, cluster = rows.score[part][known] >= middle, rows.cluster[part][known]
        found.append(Judged(name, right, steps[part][known], human[part][known], cluster, seen, unseen, left_out))
    return found
