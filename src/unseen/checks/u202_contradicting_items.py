"""U202: items that contradict the rest, likely because their key is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unseen.checks._irt import Grid, grid, rasch
from unseen.checks._keys import Keyed, keyed, option_count
from unseen.checks._rows import texts
from unseen.checks.base import About, Check, Clear, Found, Outcome, Settings, Subject, Undecided
from unseen.checks.details.models import OddItem, OddItems
from unseen.estimates import Estimate
from unseen.estimates.contrasts.pair_limits import clopper_pearson_lows
from unseen.estimates.difficulty.contradiction import Answers, KeyTest, key_test, listed
from unseen.estimates.testing.multiplicity import simes
from unseen.plain_text import counted

FloatArray = NDArray[np.float64]
MAX_LISTED = 50
MAX_HINTS = 20
MAX_NAMED = 8
MIN_MODELS = 3
# Nine of ten items of the list shall have a wrong key.
LIST_FDR = 0.1
# Of the wrong keys that there may be, these data must be able to show half before "clear" is said.
LEAST_DETECTABLE = 0.5
# Below this, nothing can be said at all.
HARDLY = 0.05


class ContradictingItems(Check):
    """Finds items that abler models fail and weaker ones solve, or whose able solvers agree on another answer."""

    code = "U202"
    title = "items that contradict the rest"
    question = "Which items do weaker models solve and stronger ones fail, so that their key is probably wrong?"
    null = "Every key is right: an item is solved by abler models at least as often as by weaker ones."
    interest = "Any item in a list of which nine of ten are expected to have a wrong key."
    method = (
        "Abilities come from a Rasch model. Slopes and difficulties of the items have a distribution that is fitted to "
        "all of them (non-parametric, on a grid, slopes from zero up). With `prediction` and `target`: the likelihood "
        "that another answer is the right one (it follows the models' abilities, and the key is one of the "
        "distractors) against that of the key; distractors agree as much as they do on the other items. From scores "
        "alone: the likelihood of a falling against a rising curve. p-values come from items simulated from the "
        "fitted distribution; items are listed at a false discovery rate of 10 %, and the finding stands on their "
        "Simes p-value. Clear only where at least half of the wrong keys could have been shown (simulated) and the "
        "upper limit of their share is below gap_that_matters."
    )
    assumptions = (
        "Models err independently of each other given ability. One main dimension: an item of another kind than the rest "
        "may stand out without being wrong. A trap that tempts able models more than weak ones to one wrong answer looks "
        "like a wrong key: where a tenth of the items are such traps, a quarter of the list is not wrong. From scores "
        "alone, a key that names a wrong option of several is hardly ever seen."
    )
    sources = (
        "Kiefer & Wolfowitz (1956); Laird (1978), Nonparametric maximum likelihood estimation of a mixing distribution.",
        "Stephens (2017), False discovery rates: a new deal.",
        "Benjamini & Hochberg (1995); Simes (1986).",
        (
            "Rodriguez et al. (2021), Evaluation examples are not equally informative: how should that "
            "change NLP leaderboards?"
        ),
    )
    example = (
        "12 of 1,000 items contradict the rest (about one of ten in such a list is there by chance): q17 (able models "
        "say “C”, the key “A”), q203 … These data could show 0.85 of all wrong keys."
    )
    needs = ("responses", "several models")
    studies = ("easy2hard-bench",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome for the data; the items stand in its details."""
        g, data = grid(subject), About("data", "all items")
        if len(g.models) < MIN_MODELS:
            return [
                self.not_applicable(
                    f"With {counted(len(g.models), 'model')} no item can contradict the rest.",
                    "Add models.",
                    about=data,
                )
            ]
        coded, whole, ability = keyed(subject, g), g.patterns, rasch(subject).ability
        options = option_count(subject)
        known = 0 if options is None else round(float(np.nanmedian(options)))
        answers = coded.answers if coded else Answers(whole.right, whole.trials, None, known)
        copies = coded.copies if coded else whole.of_item
        present = g.row >= 0
        test = key_test(answers, ability, rng=self.rng(settings), copies=copies[present], fdr=LIST_FDR)
        return [self._judge(subject, g, coded, test, copies, ability, settings)]

    def _judge(
        self, subject: Subject, g: Grid, coded: Keyed | None, test: KeyTest, copies: NDArray[np.int64],
        ability: FloatArray, settings: Settings,
    ) -> Outcome:  # fmt: skip
        present = np.flatnonzero(g.row >= 0)
        p = test.p_value[copies[present]]
        order, adjusted = listed(p, LIST_FDR)
        seen = test.detectable if coded else min(test.detectable, test.detectable_option)
        items, found = len(present), len(order)
        share = _share(found, items, max(test.detectable, 1e-9), settings.level)
        shown = order[:MAX_LISTED] if found else np.argsort(p, kind="stable")[:MAX_HINTS]
        rows = _rows(subject, g, coded, test, copies, ability, present[shown], p[shown], adjusted[shown])
        common: dict[str, Any] = {
            "code": self.code, "about": About("data", "all items"), "estimate": share, "p_value": simes(p),
            "effect": min(1.0, share.value),
            "details": OddItems(
                source="answers" if coded else "numbers" if g.solved else "scores",
                odd=tuple(rows), found=found, tested=items, detectable=test.detectable,
                detectable_option=None if coded else test.detectable_option,
            ),
        }  # fmt: skip
        reach = _reach(test, coded, g, ability)
        more = "Add models of other strengths" + (
            "." if coded else ", or give what they answered: columns for prediction and target."
        )
        if not found and test.detectable < HARDLY:
            return self.not_applicable(
                f"{reach} The details list those that look odd.", more, about=common["about"], details=common["details"]
            )
        otherwise: Clear | Undecided
        if seen >= LEAST_DETECTABLE and share.high < settings.gap_that_matters:
            otherwise = Clear(
                statement=f"None of {counted(items, 'item')} contradicts the rest beyond chance. {reach}",
                next_step="Nothing to do.", **common,
            )  # fmt: skip
        else:
            otherwise = self.undecided(
                statement=f"Whether keys are wrong is not decided: no item of {items:,} stands out beyond chance. {reach}",
                next_step=more, settings=settings, **common,
            )  # fmt: skip
        if not found or common["p_value"] > settings.fdr:
            return otherwise
        named = ", ".join(_named(row, g) for row in rows[:MAX_NAMED]) + (" …" if found > MAX_NAMED else "")
        text = (
            f"{found:,} of {counted(items, 'item')} contradict the rest (about one of ten in such a list is there by "
            f"chance): {named}. {reach}"
        )
        many_wrong = found > max(MAX_LISTED, items / 10)
        return Found(
            statement=text,
            next_step="So many point to a wrong scorer or a second skill rather than to single keys: look at a few first."
            if many_wrong else "Check the keys of these items by hand; correct them or drop the items.",
            otherwise=self.undecided(
                statement=f"Not decided once all checks are corrected for: {text}", next_step=more, settings=settings,
                **common,
            ),
            **common,
        )  # fmt: skip


def _share(found: int, items: int, detectable: float, level: float) -> Estimate:
    """Share of items that are listed; its upper limit counts those that these data could not show."""
    share = found / items
    low, rest = clopper_pearson_lows(
        np.array([share, 1 - share]), np.full(2, items), np.full(2, (1 - level) / 2)
    ).tolist()
    method = "share of items listed, Clopper–Pearson, upper limit over the detectable share"
    return Estimate(share, low, min(1.0, (1 - rest) / detectable), items, method, level)


def _reach(test: KeyTest, coded: Keyed | None, g: Grid, ability: FloatArray) -> str:
    spread = float(ability[np.isfinite(ability)].std())
    who = f"{counted(len(g.models), 'model')} with abilities spread by {spread:.1f} logits"
    if coded:
        return f"The answers of {who} could show {test.detectable:.2f} of all wrong keys."
    if g.solved:
        return f"From these numbers alone, {who} could show {test.detectable:.2f} of the items that count the other way round."
    return (
        f"From scores alone, {who} could show {test.detectable:.2f} of the items scored the wrong way round, and "
        f"{test.detectable_option:.2f} of those whose key names one wrong option of several."
    )


def _named(row: OddItem, g: Grid) -> str:
    if row.favourite is not None and row.target is not None:
        return f"{row.item} (able models say “{row.favourite[:40]}”, the key “{row.target[:40]}”)"
    return (
        f"{row.item} ({'solved by' if g.solved else 'right:'} {row.weaker_right:.0%} of the weaker models, "
        f"{row.stronger_right:.0%} of the stronger)"
    ).replace("%", " %")


def _rows(
    subject: Subject, g: Grid, coded: Keyed | None, test: KeyTest, copies: NDArray[np.int64], ability: FloatArray,
    items: NDArray[np.int64], p: FloatArray, adjusted: FloatArray,
) -> list[OddItem]:  # fmt: skip
    at, answers = g.row[items], subject.answers
    strong = ability >= np.median(ability)
    names = answers.table["item"][at].to_list()
    questions, targets = texts(answers, "question", at), texts(answers, "target", at)
    rows: list[OddItem] = []
    for k, i in enumerate(items.tolist()):
        share = np.where(g.trials[i] > 0, g.right[i] / np.maximum(g.trials[i], 1), np.nan)
        points = int(test.points_at[copies[i]])
        favourite = coded.texts.get((i, points)) if coded else None
        rows.append(
            OddItem(
                str(names[k]), questions[k], targets[k], favourite,
                log_odds=float(test.log_odds[copies[i]]), p=float(p[k]), q=float(adjusted[k]),
                weaker_right=_mean(share[~strong]), stronger_right=_mean(share[strong]),
                n=int((g.trials[i] > 0).sum()),
            )
        )  # fmt: skip
    return rows


def _mean(x: FloatArray) -> float:
    here = x[~np.isnan(x)]
    return float(here.mean()) if len(here) else 0.0
