"""Ways to ask a language model, under the same honest choice as other remedies: chosen on some kinds, judged on others."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from unseen.adaptation.prompting import Asker, Question, Said, plainly
from unseen.data import Examples
from unseen.errors import BadInput, UnseenError
from unseen.improving.attempts import UNCHANGED, Attempt, Candidate, Done, candidates_of
from unseen.improving.design import Design, design
from unseen.improving.gains import Gains
from unseen.improving.improve import Improvement, improvement_of
from unseen.improving.in_text import InText
from unseen.improving.racing import Race
from unseen.improving.worst import required_judge
from unseen.learners.language.base import Generation, LanguageModel
from unseen.learners.language.calls import BudgetSpent
from unseen.learners.questions.forms import Form
from unseen.learners.questions.items import Item, items_of, numbered
from unseen.learners.questions.scoring import NUMBER, Scorer, fitted, rule_of, scorer_named
from unseen.refitting import Asked, Case, Problem, Spec, asked_of
from unseen.remedies import Remedy, all_remedies, remedy_named
from unseen.remedies.base import NEEDS
from unseen.responses import Responses

# Each held-out set beyond so many costs every remedy that shows examples one more round of answers.
ALONE = 4
# Items from which examples are taken, at least: a prompt shows four of them.
EXAMPLES = 12
# Ways that show items of the training side: their prompts differ by what is held out.
SHOWING = ("few-shot", "skills-in-context", "experts")
WORKED = ("worked", "solution", "rationale")
API = "api"
SKILL, STEPS = ("skill", "operation"), ("steps", "n_steps", "hops")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompting:
    """How questions are asked, whatever the remedy.

    Attributes:
        scorer: Name of a scorer; None for one by the kind of each item.
        max_tokens: Most tokens of a short answer.
        longest: Most tokens of an answer that reasons.
        prompt: Text around each question, with ``{}`` in its place.
        chat: Whether questions are sent as messages; None lets the model decide.
        seed: Source of every draw.
    """

    scorer: str | None = None
    max_tokens: int = 64
    longest: int = 256
    prompt: str = "{}"
    chat: bool | None = None
    seed: int = 0


def prompts_asked(
    given: Responses | pl.DataFrame, shifts: Sequence[str], *, seed: int = 0
) -> tuple[Asked, list[Item], dict[str, Question]]:
    """Items as a problem under shifts, and as questions.

    Args:
        given: Answers of models, or a table of items that nobody answered yet.
        shifts: Phrases such as ``held-out kind`` or ``beyond steps``.
        seed: Source of every draw.

    Returns:
        What was asked for; the items in the order of its rows; and a question for each item's name.

    Raises:
        BadInput: No item can be asked, or a shift can't be used.
    """
    items, left = items_of(given)
    if not items:
        why = "; ".join(str(one) for one in left) or "the table holds no item"
        raise BadInput(f"no item can be asked: {why}. Needed are the columns question and target.")
    examples, cluster = _examples(items)
    notes = tuple(f"{one}." for one in left)
    problem = Problem(examples, None, False, "accuracy", 1.0, cluster, None, notes)
    if not shifts:
        known = ", ".join(f"'held-out {f}'" for f in list(examples.factors)[:4])
        raise BadInput(f"say which kinds are not to be seen: --shift {known or 'held-out COLUMN, or beyond COLUMN'}.")
    asked = asked_of(problem, Spec("language model", "language model"), shifts, seed)
    return asked, items, questions_of(items, given)


def _examples(items: Sequence[Item]) -> tuple[Examples, str | None]:
    """Items as rows with their factors, and the column of clusters where items belong together."""
    names = list(
        dict.fromkeys(n for i in items for n in i.factors if n not in ("item", "question", "target", "cluster"))
    )
    columns: dict[str, list[object]] = {
        "item": [i.name for i in items], "question": [i.question for i in items], "target": [i.target for i in items],
        **{n: [i.factors.get(n) for i in items] for n in names},
    }  # fmt: skip
    owner = [_owner(i) for i in items]
    together = len(set(owner)) < len(items)
    if together:
        columns["cluster"] = list(owner)
    table = pl.DataFrame(columns, infer_schema_length=None, strict=False)
    return Examples.from_table(table, inputs=("question",), target="target"), "cluster" if together else None


def _owner(item: Item) -> str:
    """What an item was sampled with: its cluster, else the whole of which it is a part."""
    return item.cluster or item.parent or item.name


def questions_of(items: Sequence[Item], given: Responses | pl.DataFrame) -> dict[str, Question]:
    """A question for each item, with a worked solution, skill and steps where columns of these names are there."""
    table = given.table if isinstance(given, Responses) else numbered(given)
    found: dict[str, Mapping[str, object]] = {}
    columns = [c for c in (*WORKED, *SKILL, *STEPS, API) if c in table.columns]
    if columns:
        for row in table.select(pl.col("item").cast(pl.String), *columns).unique("item", keep="first").to_dicts():
            found[row["item"]] = row

    def first(name: str, among: Sequence[str]) -> object:
        return next((v for c in among if (v := found.get(name, {}).get(c)) not in (None, "")), None)

    made: dict[str, Question] = {}
    for item in items:
        steps = first(item.name, STEPS)
        made[item.name] = Question(
            item.name, item.question, item.target, item.options,
            number=not item.options and bool(NUMBER.fullmatch(item.target.strip())),
            worked=str(first(item.name, WORKED) or ""), skill=str(first(item.name, SKILL) or ""),
            steps=float(steps) if isinstance(steps, int | float) else None, cluster=_owner(item),
            api=str(first(item.name, (API,)) or ""), checks=item.checks,
        )  # fmt: skip
    return made


def improve_prompts(
    asked: Asked,
    items: Sequence[Item],
    questions: Mapping[str, Question],
    model: LanguageModel,
    how: Prompting,
    *,
    second: LanguageModel | None = None,
    remedies: Sequence[str] = (),
    repeats: int | None = None,
    rows: int = 20_000,
    smallest_gain: float = 0.005,
    judge: str = "mean",
    level: float = 0.95,
    done: Callable[[str, int, int], None] | None = None,
) -> list[Improvement]:
    """Try ways to ask under every family of shifts.

    Examples come from the kinds that a fit would be trained on, never from those that validate or test it. What a prompt
    holds decides whether it is asked anew: ways that show no examples are asked once for each item.

    Args:
        asked: Items under shifts; see ``prompts_asked``.
        items: In the order of its rows.
        questions: Item → question.
        model: Who is asked.
        how: Settings.
        second: A model that answers together with it.
        remedies: Names; by default all that apply.
        repeats: Draws of the examples; by default one.
        rows: Most items.
        smallest_gain: Gain below which nothing counts as help.
        judge: "mean" over held-out kinds, or the "worst" quarter of them.
        level: Nominal coverage of intervals.
        done: Called with (name, finished, total) after each piece.

    Raises:
        BadInput: No held-out set can be judged, no remedy applies, or the model can't answer.
    """
    scorer, decides = fitted(scorer_named(how.scorer), items), required_judge(judge)
    by_name = {item.name: item for item in items}
    tried, not_tried = remedies_for(list(questions.values()), remedies, second=second)
    chats = bool(getattr(model, "chats", False)) if how.chat is None else how.chat
    if second is not None and chats and not getattr(second, "chats", False):
        second = InText(second)
    asker = Asker(
        model,
        Generation(max_tokens=how.max_tokens),
        _reader(by_name, scorer),
        how.longest,
        chats,
        how.prompt,
        how.seed,
        second,
    )
    made: list[Improvement] = []
    for family in dict.fromkeys(case.family for case in asked.cases):
        cases: list[Case] = [c for c in asked.cases if c.family == family]
        plan = design(asked.problem, cases, repeats=repeats or 1, rows=rows, seed=how.seed, alone=ALONE, least=EXAMPLES)
        refused = {case.name: why for case, why in asked.refused if case.family == family}
        plan = replace(
            plan,
            left_out={**refused, **plan.left_out},
            notes=(*plan.notes, f"Answers are read so: {rule_of(scorer, items)}."),
        )
        candidates = [c for c in candidates_of(tried) if _possible(c, questions)]
        found, answers = _answered(plan, candidates, asker, questions, by_name, scorer, done)
        # What keeps the answers stands before who gives them.
        plan = replace(plan, notes=(*plan.notes, *getattr(getattr(model, "model", model), "notes", ())))
        gains = Gains(plan, found, candidates, level, decides)
        one = improvement_of(gains, tried, Race(found=found), smallest_gain, not_tried)
        made.append(replace(one, alternatives=(), fits=answers, subject="prompt"))
    return made


def work(
    asked: Asked, questions: Mapping[str, Question], remedies: Sequence[str], *, second: LanguageModel | None,
    how: Prompting, rows: int,
) -> str:  # fmt: skip
    """What it takes at most, in a sentence."""
    tried, _ = remedies_for(list(questions.values()), remedies, second=second)
    ways = [c for c in candidates_of(tried) if _possible(c, questions)]
    once, again = 0, 0
    for family in dict.fromkeys(case.family for case in asked.cases):
        cases = [c for c in asked.cases if c.family == family]
        plan = design(asked.problem, cases, repeats=1, rows=rows, seed=how.seed, alone=ALONE, least=EXAMPLES)
        sides = [len(f.tests[side]) for f in plan.fittings for side in f.primary]
        once = max(once, len({int(i) for f in plan.fittings for side in f.primary for i in f.tests[side]}))
        again += sum(sides)
    showing = [c for c in ways if c.remedy in SHOWING]
    most = once * (len(ways) - len(showing) + 1) + again * len(showing)
    return (
        f"{len(questions):,} items, {len({c.remedy for c in ways})} remedies under {len(ways)} settings: at most {most:,} "
        "answers, some of several calls; those that are kept from before are not asked for again"
    )


def remedies_for(
    questions: Sequence[Question], named: Sequence[str], *, second: LanguageModel | None
) -> tuple[list[Remedy], dict[str, str]]:
    """Ways to ask that apply, and why others don't.

    Raises:
        BadInput: None applies, or a name is that of no such way.
    """
    other = next((n for n in named if remedy_named(n).ask is None), None)
    ways = [r for r in all_remedies().values() if r.ask is not None]
    if other is not None:
        raise BadInput(
            f"--remedy {other}: changes a learner that is fitted; of a language model there are {', '.join(r.name for r in ways)}."
        )
    met = {
        "language model": True, "log-probabilities": True, "second model": second is not None,
        "options": all(q.options for q in questions), "number answers": all(q.number for q in questions),
        "set answers": all(q.options or q.number for q in questions),
        "records": all(q.api for q in questions),
        "constraints": all(q.checks for q in questions),
        "skills": len({q.skill for q in questions if q.skill}) > 1,
    }  # fmt: skip
    missing = {r.name: next((need for need in r.needs if not met[need]), None) for r in ways}
    tried = [r for r in ways if missing[r.name] is None and (not named or r.name in named)]
    not_tried = {n: f"needs {NEEDS[need]}" for n, need in missing.items() if need and (not named or n in named)}
    if not tried:
        raise BadInput(f"no remedy can be tried: {'; '.join(f'{n} {why}' for n, why in not_tried.items())}.")
    return tried, not_tried


def _possible(candidate: Candidate, questions: Mapping[str, Question]) -> bool:
    """Worked examples need worked solutions."""
    worked = candidate.remedy == "chain-of-thought" and candidate.settings.get("shots")
    return not worked or any(q.worked for q in questions.values())


def _reader(by_name: Mapping[str, Item], scorer: Scorer) -> Callable[[Question, str], str | None]:
    def read(question: Question, text: str) -> str | None:
        return scorer.read(_form(by_name[question.name], question.options), text).prediction

    return read


def _form(item: Item, options: tuple[str, ...]) -> Form:
    return Form(replace(item, options=options), item.name)


def _answered(
    plan: Design, candidates: Sequence[Candidate], asker: Asker, questions: Mapping[str, Question],
    by_name: Mapping[str, Item], scorer: Scorer, done: Callable[[str, int, int], None] | None,
) -> tuple[Done, int]:  # fmt: skip
    """Every way in every fitting, and how many answers that took: ways that show no examples answer a question once."""
    every = [Candidate(UNCHANGED), *candidates]
    names = plan.problem.examples.table["item"].to_list()
    found: Done = {}
    finished, once, again = 0, set[tuple[str, str, int]](), 0
    for fitting in plan.fittings:
        own = found.setdefault((fitting.name, fitting.repeat), {})
        pool = [questions[names[i]] for i in fitting.train.tolist()]
        sides = {side: [names[i] for i in fitting.tests[side].tolist()] for side in fitting.primary}
        drawn = replace(asker, seed=fitting.seed if plan.repeats > 1 else asker.seed)
        for candidate in every:
            attempt = _attempt(candidate, sides, pool, drawn, questions, by_name, scorer)
            if candidate.remedy == UNCHANGED and attempt.failed:
                raise BadInput(f"the question as it is could not be asked: {attempt.failed}")
            own[candidate.key] = attempt
            finished += 1
            if candidate.remedy in SHOWING:
                again += 0 if attempt.failed else sum(map(len, sides.values()))
            elif not attempt.failed:
                once |= {(candidate.key, name, drawn.seed) for rows in sides.values() for name in rows}
            if done is not None:
                done(f"{fitting.name}: {candidate.key}", finished, len(every) * len(plan.fittings))
    return found, len(once) + again


def _attempt(
    candidate: Candidate, sides: Mapping[str, Sequence[str]], pool: Sequence[Question], asker: Asker,
    questions: Mapping[str, Question], by_name: Mapping[str, Item], scorer: Scorer,
) -> Attempt:  # fmt: skip
    """One way of asking on every side; what the model refuses is told with it."""
    ask = plainly if candidate.remedy == UNCHANGED else remedy_named(candidate.remedy).ask
    assert ask is not None, "ways of asking have one"  # noqa: S101
    scores: dict[str, np.ndarray] = {}
    tokens: list[int] = []
    try:
        for side, rows in sides.items():
            said: list[Said] = ask([questions[name] for name in rows], pool, asker, **candidate.settings)
            read = [scorer.read(_form(by_name[n], s.options), s.text) for n, s in zip(rows, said, strict=True)]
            scores[side] = np.array([r.score for r in read], dtype=np.float64)
            tokens += [s.tokens for s in said]
    except BudgetSpent:
        raise
    except UnseenError as error:
        return Attempt({}, str(error), 0.0, 0.0)
    return Attempt(scores, "", 0.0, statistics.fmean(tokens) if tokens else 0.0)
