"""Subject in, findings out: runs the checks, corrects for their number, and sorts what they found by weight."""

from __future__ import annotations

import importlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from unseen.checks.base import (
    Check,
    Clear,
    Context,
    Found,
    NotApplicable,
    Outcome,
    Settings,
    Subject,
    Undecided,
    demoted,
    with_units_needed,
)  # fmt: skip
from unseen.checks.registry import all_checks, codes_in, selected
from unseen.engine.aside import Aside, free_cores
from unseen.engine.clock import OutOfTime, limited
from unseen.engine.collecting import rare_search_for_cycles
from unseen.engine.losses import Lost
from unseen.engine.processes import kept_workers
from unseen.errors import BadInput, TooFewUnits, Undefined, UnseenError
from unseen.estimates.testing.multiplicity import level_alone, selective_p_values

# Checks across models; a learner under several shifts is one model.
COMPARE_MODELS = ("U004", "U2", "U7")
# The questions that an audit is run for. Together they hold this share of its false discovery rate, so that they do not
# pay for forty searches; the shares below divide it. All other checks share the rest evenly.
LEAD_SHARE = 0.7
LEAD = {"U101": 4.0, "U801": 4.0, "U705": 4.0, "U701": 1.0}
# The change since a baseline, and the gap under all reasonable settings: who gives a baseline, or asks for the settings,
# asks these whatever else is selected.
CHANGE = "U705"
ANEW = "U909"
# Checks that take long on some data: within a budget of time they run last, in this order.
DEAR = (
    "U104",
    "U105",
    "U107",
    "U102",
    "U604",
    "U303",
    "U108",
    "U103",
    "U202",
    "U203",
    "U804",
    "U805",
    "U806",
    "U807",
    "U808",
)
# Checks that a second process may answer beside the others: with many models they take about half of the time, and share
# little of what they compute with the rest. Below so many models its start costs more than it brings; above so many rows
# the table is not held twice.
ASIDE = ("U104", "U105", "U108", "U6")
BESIDE = ("U102", "U103", "U202", "U203")
MANY_MODELS = 100
MOST_ROWS = 4_000_000
# Checks of networks that two processes share out, by the seconds that each took on a convolutional network of 100,000 weights with
# 5,000 examples.
OF_NETWORKS = {"U904": 36, "U905": 27, "U906": 27, "U902": 18, "U901": 11, "U903": 10, "U908": 6}
# What a missing input is called in a sentence, and how a user gives it.
REMEDIES = {
    "responses": "Give a file or table of model answers.",
    "seen": "Say which rows lie in the training distribution: --split COLUMN, or --unseen EXPRESSION for the others.",
    "unseen": "Say which rows are unseen: --unseen 'digits > 2', or --split COLUMN with the values seen and unseen.",
    "several models": "Add the answers of another model to the same items.",
    "baseline": "Give an earlier report or log of the same items: --baseline FILE.",
    "train": "Give the training examples: --train FILE.",
    "learner": "Give a table and a learner to refit: --target COLUMN --learner NAME --shift 'held-out COLUMN'.",
    "a held-out shift": "Add a shift that holds out domains: --shift 'held-out COLUMN'.",
    "an ordered shift": "Add a shift along an order: --shift 'later COLUMN' or --shift 'beyond COLUMN'.",
    "module": "Give a trained torch network and its data: --module package:build --weights FILE --train FILE --target COLUMN.",
    "factors": "Add columns that describe the items (length, domain, template), or name them with --factor.",
    "ordered factor": "Add a numeric column that orders the items (length, depth, year), or set --factor NAME:ordered.",
    "confidence": "Add a column with the model's probability of its answer (--confidence COLUMN).",
    "p_true": "Ask the model whether each of its answers is true: unseen probe LOG --model MODEL --doubt; or add a column p_true.",
    "p_ik": "Ask the model beforehand whether it knows the answer: unseen probe LOG --model MODEL --doubt; or add a column p_ik.",
    "steps_valid": "Add a column steps_valid: for each answer a list of true and false, one a step, by a verifier of steps.",
    "constraints": "Add a column constraints: for each item the list of what it asks for, in its order, or their number.",
    "human_score": "Let a human score some rows, drawn at random, and name their column (--human COLUMN).",
    "variant_of": "Add a column that names the original of each rewritten item (--variant-of COLUMN).",
    "parent": "Add a column that names the composite item of which a row is a part (--parent COLUMN).",
    "repeat": "Add repeated runs of the same model and items, with a column that numbers them (--repeat COLUMN).",
    "time": "Add a column with the time of each item (--time COLUMN).",
    "single answers": "Score each answer by itself instead of against another: one row an answer, with a score.",
    "opponent": "Give a table of comparisons: columns model_a, model_b and winner (model_a, model_b or tie).",
    "question": "Add the text of the questions (--question COLUMN).",
    "split": "Say which rows are unseen: --unseen 'digits > 2', or --split COLUMN with the values seen and unseen.",
    "score": "Name the column with the score (--score COLUMN).",
    "multiverse": "Ask for the gap under all reasonable settings: --multiverse.",
}


@dataclass(frozen=True)
class AuditResult:
    """What the checks said, corrected and sorted.

    Attributes:
        outcomes: All outcomes; found ones first, by weight; then undecided, clear and not applicable ones.
        subject: What was audited.
        settings: The settings it ran under.
        q_values: Adjusted p-value of each outcome that has a p-value, by position in ``outcomes``.
        seconds: Wall time of each check.
        context: What helps to read the outcomes and judges nothing.
    """

    outcomes: tuple[Outcome, ...]
    subject: Subject
    settings: Settings
    q_values: dict[int, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    context: tuple[Context, ...] = ()

    def weight(self, position: int) -> float:
        """Effect times certainty, in [0, 1]; a fact is certain."""
        return weight(self.outcomes[position], self.q_values.get(position))


def weight(outcome: Outcome, q_value: float | None) -> float:
    """Effect (a share of the score's range) times certainty (1 - adjusted p)."""
    return outcome.effect * (1.0 if q_value is None else 1.0 - q_value)


def run(
    subject: Subject,
    settings: Settings | None = None,
    *,
    select: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
    progress: Callable[[str, int, int], None] | None = None,
    strict: bool = False,
    budget: float | None = None,
    workers: int | None = None,
) -> AuditResult:
    """Run the checks on a subject.

    Args:
        subject: What the user gave.
        settings: Levels, smallest gap, seed.
        select: Codes or prefixes to run (all if empty); with a baseline U705 is one of them, with choices to vary U909.
        ignore: Codes or prefixes to leave out.
        progress: Called with (code, done, total) before each check.
        strict: Raise what a check raises, instead of reporting that it failed.
        budget: Seconds that the checks may take together; the dearest run last, and what does not end in time is said
            to be left out. A check takes at most half of what is left, so that one does not take all.
        workers: Processes; by default a second one answers some of the checks where there are many models and a free
            core, and no budget. The outcomes are the same.

    Returns:
        Outcomes with false discoveries controlled at ``settings.fdr`` over the whole audit.

    Raises:
        BadInput: A prefix that fits no check, or a budget that is no time.
    """
    from threadpoolctl import threadpool_limits

    # A library that is loaded later would be without the limit: this one is, by a check.
    importlib.import_module("scipy.linalg")
    settings = settings or Settings()
    checks = checks_of(select, ignore, compared=subject.baseline is not None, anew=subject.multiverse is not None)
    if budget is not None and not budget > 0:
        raise BadInput(f"a budget is a time in seconds, more than 0; got {budget:g}.")
    answered: dict[str, list[Outcome]] = {}
    seconds: dict[str, float] = {}
    ends = None if budget is None else time.monotonic() + budget
    order = checks if ends is None else sorted(checks, key=lambda c: DEAR.index(c.code) + 1 if c.code in DEAR else 0)
    # The matrices of checks are small: threads of the linear algebra cost more than they bring.
    with threadpool_limits(1), kept_workers(), rare_search_for_cycles():
        away = _codes_aside(order, subject) if budget is None and workers != 1 else ()
        given = _packed(subject) if away else None
        away = () if given is None else away
        asked = {"codes": away, "subject": given, "settings": settings, "strict": strict}
        aside = Aside(_answer_aside, asked) if away else None
        for done, check in enumerate(sorted(order, key=lambda c: c.code in away)):
            if progress is not None:
                progress(check.code, done, len(order))
            if aside is not None and check.code in away:
                # The first of them waits for all; where the process was lost, they are answered here.
                told, aside = aside.result(), None
                for code, (outcomes, took) in ({} if isinstance(told, Lost) else told).items():
                    answered[code], seconds[code] = outcomes, took
            if check.code in answered:
                continue
            if ends is None or budget is None:
                answered[check.code], seconds[check.code] = _timed(check, subject, settings, strict=strict)
                continue
            started = time.perf_counter()
            left = ends - time.monotonic()
            own = left if done == len(order) - 1 else left / 2
            answered[check.code] = _within(own, budget, check, subject, settings, strict=strict)
            seconds[check.code] = time.perf_counter() - started
        outcomes = [outcome for check in checks for outcome in answered[check.code]]
        context = tuple(o for o in outcomes if isinstance(o, Context))
        corrected, q_values = correct((o for o in outcomes if not isinstance(o, Context)), settings.fdr)
        ranked = sorted(
            range(len(corrected)),
            key=lambda i: (_rank(corrected[i]), -weight(corrected[i], q_values.get(i)), corrected[i].code, i),
        )
        return AuditResult(
            outcomes=tuple(corrected[i] for i in ranked),
            subject=subject,
            settings=settings,
            q_values={new: q_values[old] for new, old in enumerate(ranked) if old in q_values},
            seconds=seconds,
            context=context,
        )


def _codes_aside(checks: Iterable[Check], subject: Subject) -> tuple[str, ...]:
    """The checks that a second process answers; none where it would not pay."""
    responses = subject.responses
    if subject.module is not None:
        from unseen.checks._networks import worth_two_processes

        codes = [check.code for check in checks]
        return _half_of(codes) if worth_two_processes(subject.module) and free_cores() > 1 else ()
    if responses is None or subject.learner is not None:
        return ()
    if len(responses.models) < MANY_MODELS or len(responses) > MOST_ROWS or free_cores() < 2:
        return ()
    codes = [check.code for check in checks]
    return tuple(c for c in codes if c.startswith(ASIDE)) if any(c in BESIDE for c in codes) else ()


def _half_of(codes: Iterable[str]) -> tuple[str, ...]:
    """The checks of networks that the second process answers, so that both take about as long.

    >>> _half_of(["U101", "U901", "U902", "U903", "U904", "U905"]), _half_of(["U904"])
    (('U904', 'U901'), ())
    """
    here, aside, loads = list[str](), list[str](), [0, 0]
    for code in sorted(set(codes) & set(OF_NETWORKS), key=lambda c: (-OF_NETWORKS[c], c)):
        place = int(loads[1] <= loads[0])
        (here, aside)[place].append(code)
        loads[place] += OF_NETWORKS[code]
    return tuple(aside) if here else ()


def _packed(subject: Subject) -> Subject | bytes | None:
    """What the second process is given; None where it can't be sent.

    Networks are packed before any check begins: checks hang hooks into them and move their weights for a while, and what is sent
    later would hold that.
    """
    given = Subject(responses=subject.responses, train=subject.train, module=subject.module)
    if subject.module is None:
        return given
    import cloudpickle

    try:
        return cloudpickle.dumps(given)
    # A module of the user's may hold what no other process can have.
    except Exception:
        return None


def _answer_aside(
    codes: tuple[str, ...], subject: Subject | bytes, settings: Settings, strict: bool
) -> dict[str, tuple[list[Outcome], float]]:
    """Outcomes and seconds of some checks, in a process of its own (which was started with one thread)."""
    import cloudpickle

    # Packed by this run's own parent.
    given: Subject = cloudpickle.loads(subject) if isinstance(subject, bytes) else subject
    with rare_search_for_cycles():
        return {check.code: _timed(check, given, settings, strict=strict) for check in selected(codes)}


def _timed(check: Check, subject: Subject, settings: Settings, *, strict: bool) -> tuple[list[Outcome], float]:
    """The outcomes of one check, and the seconds that it took."""
    started = time.perf_counter()
    outcomes = run_check(check, subject, settings, strict=strict)
    return outcomes, time.perf_counter() - started


def _within(
    own: float, budget: float, check: Check, subject: Subject, settings: Settings, *, strict: bool
) -> list[Outcome]:
    """The outcomes of one check, or that it was left out for want of time."""
    started = time.monotonic()
    why = "the checks before it took all of it"
    if own > 0:
        try:
            with limited(own):
                return run_check(check, subject, settings, strict=strict)
        except OutOfTime:
            why = f"it had not ended after {time.monotonic() - started:.1f} s"
    return [
        check.not_applicable(
            f"Left out: of the budget of {budget:g} s, {why}.",
            f"Give it more time (--budget), give it the whole of it (--select {check.code}), or audit fewer factors and "
            "models at once.", details={"budget": budget},
        )
    ]  # fmt: skip


def checks_of(
    select: str | Iterable[str] = (), ignore: str | Iterable[str] = (), *, compared: bool = False, anew: bool = False
) -> list[Check]:
    """The checks that an audit runs: a baseline, or choices to vary, ask a question of their own whatever was selected.

    Args:
        select: Codes or prefixes to run (all if empty).
        ignore: Codes or prefixes to leave out.
        compared: Whether there is a baseline.
        anew: Whether the gap is asked under all reasonable settings.

    Raises:
        BadInput: A prefix that fits no check, or no check is left.

    >>> [check.code for check in checks_of("U101", compared=True)]
    ['U101', 'U705']
    """
    chosen = codes_in(select)
    if chosen:
        chosen = (*chosen, *((CHANGE,) if compared else ()), *((ANEW,) if anew else ()))
    return selected(chosen, ignore)


def run_check(check: Check, subject: Subject, settings: Settings, *, strict: bool = False) -> list[Outcome]:
    """The outcomes of one check: what is missing is said, and a failure becomes an outcome too."""
    if subject.learner is not None and check.code.startswith(COMPARE_MODELS) and check.code != CHANGE:
        return [
            check.not_applicable(
                "One learner was refitted: there are no models to compare.",
                "Audit the answers of several models to the same items.", unlocks=("several models",),
            )
        ]  # fmt: skip
    missing = missing_inputs(check, subject)
    if missing:
        names = ", ".join(missing)
        remedy = " ".join(REMEDIES.get(m, f"Add a column {m!r}.") for m in missing)
        return [check.not_applicable(f"Needs {names}, which these data do not have.", remedy, unlocks=missing)]
    if subject.responses is not None and subject.responses.has("opponent") and "opponent" not in check.needs:
        return [
            check.not_applicable(
                "The table holds comparisons of two answers: a score there depends on the opponent.",
                "See the ratings (U707); for this check, score each answer by itself.", unlocks=("single answers",),
            )
        ]  # fmt: skip
    try:
        return list(check.run(subject, settings))
    except (TooFewUnits, Undefined) as error:
        return [check.not_applicable(str(error), "Collect more independent units.")]
    except UnseenError:
        raise
    except Exception as error:
        if strict:
            raise
        return [
            check.not_applicable(
                f"This check failed on these data ({type(error).__name__}: {error}).",
                "The other checks are not affected. Please report it with a small table that shows it.",
                details={"failed": True},
            )
        ]


def missing_inputs(check: Check, subject: Subject) -> tuple[str, ...]:
    """Which of a check's needs the subject does not meet."""
    return tuple(need for need in check.needs if not _has(subject, need))


def _has(subject: Subject, need: str) -> bool:
    if need in ("responses", "train", "learner", "module", "baseline", "multiverse"):
        return getattr(subject, need) is not None
    if subject.responses is None:
        return False
    answers = subject.responses
    if need in ("seen", "unseen"):
        return "split" in answers.table.columns and bool(answers.is_split(need).any())
    if need == "several models":
        return len(answers.models) > 1
    if need == "factors":
        return len(answers.factors) > 0
    if need == "ordered factor":
        return bool(answers.factors.of_kind("ordered"))
    return answers.has(need)


def correct(outcomes: Iterable[Outcome], fdr: float) -> tuple[list[Outcome], dict[int, float]]:
    """Control false discoveries on two levels: over checks, and over the outcomes within each check.

    A family is the set of p-values of one check. Families are tested by Simes' global test with weighted
    Benjamini–Hochberg across them (``LEAD`` holds the heavy ones); within R selected of m families, outcomes are
    tested by Benjamini–Hochberg at level fdr · w · R / m. Facts (no p-value) are left alone.

    Returns:
        The outcomes, with those that do not survive replaced by what they are otherwise and undecided ones told at
        which number of units they would be decided; and the adjusted p-values by position: an outcome survives where
        its adjusted p-value is at most ``fdr``.

    Source: Benjamini & Bogomolov (2014), Selective inference on multiple families of hypotheses, JRSS B 76(1);
    Genovese, Roeder & Wasserman (2006), False discovery control with p-value weighting, Biometrika 93(3).
    """
    listed = list(outcomes)
    families: defaultdict[str, list[int]] = defaultdict(list)
    for i, outcome in enumerate(listed):
        # Undecided outcomes were tested too: leaving them out would keep the small p-values only.
        if outcome.p_value is not None:
            families[outcome.code].append(i)
    # What is judged at the level of another check that does not run here is judged as if that one did.
    models = {
        code: sum(o.code == code for o in listed) for code in {o.code for o in listed if _judged_by(o.code) != o.code}
    }
    if not families:
        return [_levelled(o, {}, models, fdr) for o in listed], {}
    p_values = {code: [listed[i].p_value or 0.0 for i in rows] for code, rows in families.items()}
    weights = family_weights(families)
    q_values: dict[int, float] = {}
    for code, adjusted in selective_p_values(p_values, fdr, weights=weights).items():
        q_values |= dict(zip(families[code], adjusted.tolist(), strict=True))
    levels = levels_alone({code: len(rows) for code, rows in families.items()}, fdr)
    corrected: list[Outcome] = []
    for i, o in enumerate(listed):
        if isinstance(o, Found) and q_values.get(i, 0.0) > fdr:
            o = demoted(o)
        corrected.append(_levelled(o, levels, models, fdr))
    return _beside(corrected), q_values


def levels_alone(tested: Mapping[str, int], fdr: float) -> dict[str, float]:
    """Level at which one outcome of each check is tested when nothing else in the audit is rejected.

    Args:
        tested: Number of p-values of each check.
        fdr: False discovery rate of the audit.

    >>> {code: round(level, 5) for code, level in levels_alone({"U101": 4, "U102": 4, "U103": 1}, 0.05).items()}
    {'U101': 0.00875, 'U102': 0.00188, 'U103': 0.0075}
    """
    counted = {code: n for code, n in tested.items() if n}
    return level_alone(counted, fdr, weights=family_weights(counted))


def family_weights(families: Iterable[str]) -> dict[str, float]:
    """Weight of each check in the correction: the lead questions share ``LEAD_SHARE``, the others the rest.

    >>> {code: round(w, 3) for code, w in family_weights(["U101", "U102", "U103"]).items()}
    {'U101': 0.7, 'U102': 0.15, 'U103': 0.15}
    """
    codes = list(families)
    lead = {code: LEAD[code] for code in codes if code in LEAD}
    others = len(codes) - len(lead)
    share = LEAD_SHARE if others else 1.0
    return {
        code: share * lead[code] / sum(lead.values()) if code in lead else (1 - (share if lead else 0.0)) / others
        for code in codes
    }


def _judged_by(code: str) -> str:
    check = all_checks().get(code)
    return code if check is None or not check.judged_by else check.judged_by


def _levelled(outcome: Outcome, levels: Mapping[str, float], models: Mapping[str, int], fdr: float) -> Outcome:
    """An outcome that knows the level which the audit grants: the units that would decide it, what it could show."""
    own = _judged_by(outcome.code)
    if not isinstance(outcome, Undecided) and own == outcome.code:
        return outcome
    alpha = levels.get(own)
    if alpha is None:
        level = 0.95 if outcome.estimate is None else outcome.estimate.level
        alpha = 1 - level if own == outcome.code else fdr * _share_of(own, levels) / models[outcome.code]
    check = all_checks().get(outcome.code)
    if check is None:
        return with_units_needed(outcome, alpha=alpha) if isinstance(outcome, Undecided) else outcome
    return check.at_level(outcome, alpha)


def _beside(outcomes: list[Outcome]) -> list[Outcome]:
    """Outcomes that know what the check at whose level they are judged has answered about the same subject."""
    answered = {(o.code, o.about): o for o in outcomes}
    told: list[Outcome] = []
    for o in outcomes:
        own = _judged_by(o.code)
        other = answered.get((own, o.about)) if own != o.code else None
        told.append(o if other is None else all_checks()[o.code].beside(o, other))
    return told


def _share_of(code: str, others: Iterable[str]) -> float:
    return family_weights([*others, code])[code]


def _rank(outcome: Outcome) -> int:
    return next(i for i, kind in enumerate((Found, Undecided, Clear, NotApplicable)) if isinstance(outcome, kind))


def unlockable(result: AuditResult) -> dict[str, list[str]]:
    """Which further input would unlock which checks: input → codes."""
    inputs: defaultdict[str, set[str]] = defaultdict(set)
    for outcome in result.outcomes:
        if isinstance(outcome, NotApplicable):
            for name in outcome.unlocks:
                inputs[name].add(outcome.code)
    return {name: sorted(codes) for name, codes in sorted(inputs.items(), key=lambda kv: (-len(kv[1]), kv[0]))}


__all__ = [
    "LEAD",
    "REMEDIES",
    "AuditResult",
    "all_checks",
    "checks_of",
    "correct",
    "family_weights",
    "levels_alone",
    "run",
    "run_check",
    "unlockable",
    "weight",
]
