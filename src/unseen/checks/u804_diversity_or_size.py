"""U804: whether more domains or more rows would help on domains not seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from unseen.checks._domains import under_shift
from unseen.checks._groups import Domains, balanced_groups, domains, drawn, none_held_out
from unseen.checks.base import About, Check, Clear, Found, Outcome, Settings, Subject, Undecided, guarded
from unseen.engine.seeds import numpy_generator, spawn
from unseen.errors import TooFewUnits
from unseen.estimates import Estimate
from unseen.estimates.intervals.means import t_interval, two_sided_t
from unseen.estimates.testing.multiplicity import holm
from unseen.refitting import Piece, UnderShift

MIN_DOMAINS = 8
MAX_ROWS, LEAST_ROWS = 3000, 40
TEST_ROWS = 300
GROUPS = (4, 6)
DRAWS = 2


@dataclass(frozen=True)
class _Design:
    """Domains that are large enough, the group in which each is tested, and the sizes of the training sets."""

    eligible: np.ndarray
    group: np.ndarray
    draws: int
    domains: tuple[int, ...]
    rows: tuple[int, ...]


class DiversityOrSize(Check):
    """Diversity against size."""

    code = "U804"
    title = "more domains or more rows"
    question = "Would data from more domains help on domains not seen, or would more rows from the same ones?"
    null = "Neither doubling the domains nor doubling the rows changes the score on held-out domains."
    interest = "A gain of at least smallest_gap for one doubling."
    method = (
        "The domains are divided into 4 to 6 groups; each group is tested by fits to subsets of the other domains: "
        "m = 2, 4, 8 … domains with n rows in all (three sizes, equal parts of each domain), each drawn twice. "
        "For every tested domain "
        "the least-squares surface score = a + b·log2 n + c·log2 m is fitted; b is what doubling the rows brings at "
        "equal domains, c what doubling the domains brings at equal rows. Intervals are t over the groups, their "
        "variance corrected for training sets that overlap (Nadeau-Bengio). The two tests are corrected by Holm."
    )
    assumptions = (
        "A surface that is straight in the logarithms describes the sizes tried; gains shrink beyond them. Domains with "
        "few rows do not enter."
    )
    sources = (
        "Benoit et al. (2024), Unraveling the key components of OOD generalization via diversification",
        "Gulrajani & Lopez-Paz (2021), In search of lost domain generalization",
        "Nadeau & Bengio (2003), Inference for the generalization error",
    )
    example = (
        "held-out site: doubling the domains at equal rows brings 0.03 [0.01, 0.05] of accuracy, doubling the rows at "
        "equal domains 0.00 [-0.01, 0.01]."
    )
    needs = ("learner",)
    studies = ("diversification-ood",)

    def run(self, subject: Subject, settings: Settings) -> Iterable[Outcome]:
        """One outcome a shift that holds out domains in turn."""
        under = under_shift(subject)
        families = domains(under)
        if not families:
            return [none_held_out(self, MIN_DOMAINS)]
        return [guarded(self, About("factor", d.family), lambda d=d: self._one(under, settings, d)) for d in families]

    def _one(self, under: UnderShift, settings: Settings, own: Domains) -> Outcome:
        design = _designed(own, under.plan.seed)
        pieces = _pieces(under, own, design)
        results = under.runner.run(list(pieces.values()))
        scores = np.full((int(design.group.max()) + 1, design.draws, len(design.domains), len(design.rows)), np.nan)
        slopes: list[np.ndarray] = []
        tested = 0
        for g in range(len(scores)):
            by_domain: list[np.ndarray] = []
            for draw in range(design.draws):
                cells = [
                    (i, j, results[k]) for k, key in enumerate(pieces) for i, j in [key[2:]] if key[:2] == (g, draw)
                ]
                sound = [(i, j, x) for i, j, x in cells if not x.failed]
                if len({i for i, _, _ in sound}) < 2 or len({j for _, j, _ in sound}) < 2:
                    continue
                x = np.array([[1.0, np.log2(design.rows[j]), np.log2(design.domains[i])] for i, j, _ in sound])
                at = own.code[sound[0][2].answers["test"].rows]
                y = np.stack(
                    [[r.answers["test"].score[at == d].mean() for d in np.unique(at)] for _, _, r in sound]
                )  # (cells, tested domains)
                # Where a domain's labels leave the measure undefined, they do so in every cell.
                y = y[:, np.isfinite(y).all(0)]
                by_domain += list(np.linalg.lstsq(x, y, rcond=None)[0].T)
                tested = max(tested, len(np.unique(at)))
                for (i, j, _), own_scores in zip(sound, y, strict=True):
                    scores[g, draw, i, j] = own_scores.mean() if len(own_scores) else np.nan
            if by_domain:
                slopes.append(np.mean(by_domain, axis=0))
        if len(slopes) < 3:
            failed = next((x.failed for x in results if x.failed), "")
            raise TooFewUnits(
                f"{own.family}: only {len(slopes)} of {len(scores)} groups of domains could be tested ({failed})."
            )
        rows, wide = (_slope(np.array([s[k] for s in slopes]), under, settings.level) for k in (1, 2))
        surface = [
            {"domains": m, "rows": n, "score": float(np.nanmean(scores[:, :, i, j]))}
            for i, m in enumerate(design.domains)
            for j, n in enumerate(design.rows)
            if np.isfinite(scores[:, :, i, j]).any()
        ]
        return self._said(under, settings, own.family, wide, rows, {"surface": surface, "fits": len(pieces)})

    def _said(
        self, under: UnderShift, settings: Settings, family: str, wide: tuple[Estimate, float],
        rows: tuple[Estimate, float], details: dict[str, object],
    ) -> Outcome:  # fmt: skip
        scale, about = under.problem.scale, About("factor", family)
        how = under.problem.how
        word = f"lower {how.word}" if how.lower else how.word
        adjusted = holm([wide[1], rows[1]]).tolist()
        details |= {
            "family": family, "domains": wide[0].to_dict() | {"p_value": adjusted[0]},
            "rows": rows[0].to_dict() | {"p_value": adjusted[1]},
        }  # fmt: skip
        said = (
            f"{family}: doubling the domains at equal rows brings {wide[0].format(3)} of {word} on domains not seen, "
            f"doubling the rows at equal domains {rows[0].format(3)}"
        )
        both = ((wide[0], adjusted[0], "domains"), (rows[0], adjusted[1], "rows"))
        helps = [x for x in both if x[1] <= settings.fdr and x[0].value >= settings.smallest_gap * scale]
        # A tenth of the score's range is a large gain for one doubling; half of it must be ruled out here.
        otherwise: Clear | Undecided
        if all(e.high < settings.gap_that_matters / 2 * scale for e, _, _ in both):
            otherwise = Clear(
                code=self.code, about=about, statement=f"{said}: neither would help by an amount that matters.",
                next_step="More data of this kind will not close the gap; look at inputs and learner.",
                estimate=wide[0], p_value=min(adjusted), effect=min(1.0, abs(wide[0].value) / scale), details=details,
            )  # fmt: skip
        else:
            otherwise = self.undecided(
                about=about, estimate=wide[0], p_value=min(adjusted), settings=settings, details=details,
                statement=f"{said}: not enough domains to tell.", next_step="Collect more domains.",
            )  # fmt: skip
        if helps:
            estimate, p, _ = max(helps, key=lambda x: x[0].value)
            return Found(
                code=self.code, about=about, statement=f"{said}.", next_step=_advice([x[2] for x in helps]),
                estimate=estimate, p_value=p, effect=min(1.0, estimate.value / scale), details=details,
                otherwise=otherwise,
            )  # fmt: skip
        return otherwise


def _designed(own: Domains, seed: int) -> _Design:
    sizes = own.sizes
    if len(sizes) < MIN_DOMAINS:
        raise TooFewUnits(
            f"{own.family}: diversity is judged over {MIN_DOMAINS} domains or more, these are {len(sizes)}."
        )
    kept = max(MIN_DOMAINS, int(np.ceil(0.6 * len(sizes))))
    least = int(np.sort(sizes)[::-1][kept - 1])
    eligible = np.flatnonzero(sizes >= least)
    most = min(MAX_ROWS, 2 * least)
    rows = tuple(n for n in (most // 9, most // 3, most) if n >= LEAST_ROWS)
    if len(rows) < 2:
        raise TooFewUnits(
            f"{own.family}: the domains have {least} rows; {3 * LEAST_ROWS // 2} a domain are needed to vary the size."
        )
    groups = int(np.clip(len(eligible) // 3, *GROUPS))
    group = balanced_groups(sizes[eligible], groups, numpy_generator(seed, "U804", own.family, "groups"))
    pool = len(eligible) - int(np.bincount(group).max())
    several = tuple(2**k for k in range(1, 5) if 2**k <= pool)
    return _Design(eligible, group, DRAWS, several, rows)


def _pieces(under: UnderShift, own: Domains, design: _Design) -> dict[tuple[int, int, int, int], Piece]:
    """(group, draw, number of domains, number of rows) → the refit."""
    made: dict[tuple[int, int, int, int], Piece] = {}
    seed, where = under.plan.seed, [np.flatnonzero(own.code == k) for k in range(len(own.cases))]
    for g in range(int(design.group.max()) + 1):
        test_rng = numpy_generator(seed, "U804", own.family, "test", g)
        test = np.concatenate([drawn(where[k], TEST_ROWS, test_rng) for k in design.eligible[design.group == g]])
        for draw in range(design.draws):
            rng = numpy_generator(seed, "U804", own.family, "train", g, draw)
            pool = design.eligible[design.group != g]
            shuffled = {int(k): rng.permutation(where[k]) for k in pool}
            for i, m in enumerate(design.domains):
                for j, n in enumerate(design.rows):
                    # Every training set draws its own domains: which two they are is most of the noise.
                    chosen = rng.permutation(pool)[:m]
                    parts = np.diff(np.linspace(0, n, m + 1).round().astype(int))
                    train = np.concatenate([shuffled[int(k)][:c] for k, c in zip(chosen, parts, strict=True)])
                    made[g, draw, i, j] = Piece(
                        f"{own.family}: group {g + 1}, draw {draw + 1}, {m} domains, {n} rows", np.sort(train),
                        {"test": test}, spawn(seed, "U804", own.family, g, draw, i, j), blocks={"test": own.code[test]},
                    )  # fmt: skip
    return made


def _slope(values: np.ndarray, under: UnderShift, level: float) -> tuple[Estimate, float]:
    """Mean over groups with the variance of a cross-validated mean, and its two-sided p-value."""
    g, mean = len(values), float(values.mean())
    variance = float(values.var(ddof=1)) * (1 / g + 1 / (g - 1))
    # Slopes that agree exactly have no spread; one answer of a test set could have differed.
    variance = max(variance, (under.problem.scale / (g * TEST_ROWS)) ** 2)
    low, high = t_interval(mean, variance, g - 1, level)
    method = "slope of the learning surface, t over groups of domains (Nadeau-Bengio)"
    return Estimate(mean, low, high, g, method, level), two_sided_t(mean / variance**0.5, g - 1)


def _advice(helps: list[str]) -> str:
    if len(helps) == 2:
        return "Collect more domains and more rows; compare the two gains with what each would cost."
    if helps[0] == "domains":
        return "Collect data from further domains; more rows from these would not do the same."
    return "Collect more rows; they need not come from further domains."
