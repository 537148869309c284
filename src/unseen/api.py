"""The library's front door: read answers, audit them, keep the findings."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, wraps
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from unseen import auditing
from unseen.auditing import AuditResult
from unseen.checks.base import Check, Context, Settings, Subject
from unseen.checks.registry import all_checks, packages, selected
from unseen.data import Examples
from unseen.engine.collecting import no_search_for_cycles
from unseen.errors import BadInput, UnseenError
from unseen.faces import document_in_python, in_python, spoken
from unseen.findings import ByModel, Finding, Findings
from unseen.improved import PREFIX, Improved, improve_asked, remedy_pages
from unseen.planned import Planned
from unseen.probed import DryRun, Probe
from unseen.reported import Reported
from unseen.responses import Responses

if TYPE_CHECKING:
    import polars as pl

    from unseen.options import Options
    from unseen.refitting import UnderShift
    from unseen.report.accepted import Accepted
    from unseen.report.baseline import Baseline
    from unseen.stories import ScoreTable, Story, Telling, Verdict

P = ParamSpec("P")
R = TypeVar("R")


def _public(function: Callable[P, R]) -> Callable[P, R]:
    """A function whose errors speak of arguments, those on an argument that it does not take among them."""
    taken = inspect.signature(function).parameters

    @wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in taken:
                from unseen.options import no_argument

                raise no_argument(function.__name__, taken, name)
        return function(*args, **kwargs)

    return spoken(called)


@dataclass(frozen=True)
class Audit(Reported):
    """The findings of one audit; shows itself in a notebook.

    Attributes:
        result: What the checks said, as objects.
        sources: Where the answers came from.
        baseline: What the audit is compared with.
        accepted: Findings that are known and accepted.
    """

    result: AuditResult
    sources: tuple[str, ...] = ()
    baseline: Baseline | None = None
    accepted: Accepted | None = None

    @cached_property
    def document(self) -> dict[str, Any]:
        """Everything as plain data, in the layout of docs/json-schema.md; next steps name arguments of Python."""
        from unseen.report import accepted, summary

        document = summary.summarise(self.result, sources=self.sources, telling=self.told)
        if self.baseline is not None:
            document = summary.compare(self.baseline.document, document)
        document = document if self.accepted is None else accepted.applied(document, self.accepted)
        with no_search_for_cycles():
            return document_in_python(document)

    @cached_property
    def told(self) -> Telling:
        """The verdict, the scores, the stories and what no story holds."""
        from unseen.stories import tell

        with no_search_for_cycles():
            return tell(self.result)

    @property
    def verdict(self) -> Verdict:
        """The audit in one sentence."""
        return self.told.verdict

    @property
    def scores(self) -> ScoreTable | None:
        """One row a model: overall, seen, unseen, gap, tier, calibration; each with its interval."""
        return self.told.scores

    @property
    def stories(self) -> tuple[Story, ...]:
        """Findings that one cause explains, told once; the heaviest first."""
        return tuple(replace(story, next_step=in_python(story.next_step)) for story in self.told.stories)

    @property
    def findings(self) -> list[dict[str, Any]]:
        """All outcomes as plain data (code, outcome, subject, estimate, statement, next_step, details)."""
        return self.document["findings"]

    @cached_property
    def all(self) -> Findings:
        """All outcomes as objects, found ones first, by weight."""
        return Findings(tuple(Finding(entry, self.responses, self._learner) for entry in self.document["findings"]))

    @property
    def _learner(self) -> str:
        """Name of the learner that was refitted; empty where answers were given."""
        return str((self.document.get("learner") or {}).get("name", ""))

    def __getitem__(self, code: str) -> Findings:
        """The outcomes of a check ("U104"), of a family ("U1") or with an identifier, the heaviest first.

        Raises:
            BadInput: No check begins so.
        """
        own = tuple(f for f in self.all if f.id == code)
        if own:
            return Findings(own)
        selected(code)
        return Findings(tuple(f for f in self.all if f.code.startswith(code.upper())))

    def __iter__(self) -> Iterator[Finding]:
        """All outcomes, found ones first, by weight."""
        return iter(self.all)

    def _ipython_key_completions_(self) -> list[str]:
        return list(dict.fromkeys(f.code for f in self.all))

    def to_frame(self) -> pl.DataFrame:
        """One row an outcome, numbers as columns; ``to_pandas`` gives the same as a frame of pandas."""
        return self.all.to_frame()

    def to_pandas(self) -> Any:
        """One row an outcome, as a frame of pandas (which need not have pyarrow)."""
        return self.all.to_pandas()

    def by_model(self) -> ByModel:
        """The outcomes of each model, in the order of the scores; those of several models stand with each of them.

        A learner that was refitted is one model, whose outcomes are all.
        """
        if self._learner:
            return ByModel({self._learner: self.all})
        names = [row.model for row in self.scores.rows] if self.scores else []
        names += [m for f in self.all for m in f.models]
        return ByModel({m: Findings(tuple(f for f in self.all if m in f.models)) for m in dict.fromkeys(names)})

    @property
    def found(self) -> Findings:
        """What was found, by weight."""
        return self.all.of("found")

    @property
    def clear(self) -> Findings:
        """Where the interval excludes an effect that matters: the only pass."""
        return self.all.of("clear")

    @property
    def undecided(self) -> Findings:
        """Where an estimate excludes neither no effect nor one that matters, with what would decide it."""
        return self.all.of("undecided")

    @property
    def context(self) -> tuple[Context, ...]:
        """What helps to read the outcomes and judges nothing: scales, ratings, shares."""
        return self.result.context

    @property
    def not_applicable(self) -> Findings:
        """What could not be judged, and why."""
        return self.all.of("not_applicable")

    @property
    def responses(self) -> Responses | None:
        """The responses that were audited."""
        return self.result.subject.responses

    def accept(
        self, path: str | Path, *, only: Sequence[str] | str = (), reason: str = "", expires: date | None = None
    ) -> Path:
        """Write what is found to a file of accepted findings, which later audits may be given.

        Args:
            path: The file (TOML); reasons and dates that it holds already stay.
            only: Which findings, as CODE or CODE:SUBJECT (any part of its name); what the file holds beside them stays.
            reason: Why; left to be filled in where it is empty.
            expires: The last day; in 90 days by default.
        """
        from unseen.report import accepted

        named = (only,) if isinstance(only, str) else only
        accepted.write(path, self.document, reason=reason, expires=expires, only=named)
        return Path(path)

    def _rendered(self, form: str) -> str:
        from unseen.report.rendered import rendered

        return rendered(self.document, form, responses=self.responses)

    def __repr__(self) -> str:
        counts = Counter(f["outcome"] for f in self.findings)
        told = self.document["verdict"]
        sentence = f" {told['sentence']}" if told else ""
        return (
            f"<Audit: {counts['found']} found, {counts['undecided']} undecided, {counts['clear']} clear, "
            f"{counts['not_applicable']} not judged.{sentence}>"
        )

    def _repr_html_(self) -> str:
        from unseen.report import notebook

        return notebook.render(self.document)


@_public
def read(
    sources: Any,
    *,
    unseen: str | None = None,
    split: str | None = None,
    model: str | None = None,
    model_column: str | None = None,
    item_column: str | None = None,
    score: str | None = None,
    score_range: str | tuple[float, float] | None = None,
    cluster: str | None = None,
    factors: str | Sequence[str] | Mapping[str, str | None] | None = None,
    time: str | None = None,
    confidence: str | None = None,
    human: str | None = None,
    variant_of: str | None = None,
    parent: str | None = None,
    question: str | None = None,
    prediction: str | None = None,
    target_column: str | None = None,
    repeat: str | None = None,
    filter: str | None = None,
    metric: str | None = None,
    reader: str | None = None,
) -> Responses:
    """Read logs or tables from disk; the format is detected from the content.

    Args:
        sources: Files, folders or globs; logs of Inspect (``EvalLog``) or results of lm-eval (``simple_evaluate`` with
            ``log_samples=True``) as objects; one, or several in a list.
        unseen: Condition of the rows that are unseen: "digits > 2 or steps > 1". With a learner, of the rows to hold out.
        split: Column with train, seen or unseen; with a learner also with test.
        model: Name of the one model, where no column has it.
        model_column: Column with the model's name.
        item_column: Column that names the item.
        score: Column with the score, higher is better; "-loss" negates it.
        score_range: Lowest and highest possible score: "0:10" or (0, 10).
        cluster: Column of what was sampled together (document, patient, template).
        factors: Names of factors ("digits", "site:categorical"), or a mapping of names and kinds.
        time: Column of time.
        confidence: Column with the probability of the answer.
        human: Column with a human's score on some rows, drawn at random; ``score`` is then a judge's.
        variant_of: Column that names the original of a rewritten item.
        parent: Column that names the composite item of a part.
        question: Column with the text of the question.
        prediction: Column with the answer: a class, or the probability of class 1; scored where there is no score.
        target_column: Column with the right answer.
        repeat: Column that numbers repeated runs.
        filter: lm-eval filter to read, where a log has several.
        metric: Metric or scorer to read, where a log has several.
        reader: Name of the reader to use, instead of detection.

    Raises:
        BadInput: A file can't be read, or a value is not what its column allows.
    """
    from unseen.options import Options
    from unseen.responses.reading import is_source
    from unseen.responses.reading import read as read_files

    options = Options.of({
        "unseen": unseen, "split": split, "model": model, "model_column": model_column, "item_column": item_column,
        "score": score, "score_range": score_range, "cluster": cluster, "factors": factors, "time": time,
        "confidence": confidence, "human": human, "variant_of": variant_of, "parent": parent, "question": question,
        "prediction": prediction, "target_column": target_column, "repeat": repeat, "filter": filter, "metric": metric,
        "reader": reader,
    })  # fmt: skip
    given = [sources] if is_source(sources) else sources
    return read_files([resolve_sample(source) for source in given], mapping=options.mapping)


@_public
def audit(
    table: Any = None,
    *,
    target: str | None = None,
    learner: Any = None,
    shifts: str | Sequence[str] = (),
    refits: int | None = None,
    executor: str = "local",
    workers: int | None = None,
    time_limit: float | None = None,
    budget: float | None = None,
    train: Any = None,
    module: Any = None,
    weights: str | Path | None = None,
    test: Any = None,
    loss: Any = None,
    layers: str | None = None,
    memory: float | None = None,
    select: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
    settings: Settings | None = None,
    seed: int | None = None,
    progress: Callable[[str, int, int], None] | bool | None = None,
    sources: Sequence[str] = (),
    strict: bool = False,
    baseline: Any = None,
    accepted: str | Path | None = None,
    unseen: str | None = None,
    split: str | None = None,
    model: str | None = None,
    model_column: str | None = None,
    item_column: str | None = None,
    score: str | None = None,
    score_range: str | tuple[float, float] | None = None,
    cluster: str | None = None,
    factors: str | Sequence[str] | Mapping[str, str | None] | None = None,
    time: str | None = None,
    confidence: str | None = None,
    human: str | None = None,
    variant_of: str | None = None,
    parent: str | None = None,
    question: str | None = None,
    prediction: str | None = None,
    target_column: str | None = None,
    repeat: str | None = None,
    filter: str | None = None,
    metric: str | None = None,
    reader: str | None = None,
    inputs: str | Sequence[str] = (),
    drop: str | Sequence[str] = (),
    regression: bool | None = None,
    measure: str | None = None,
    smallest_gap: float | None = None,
    gap_that_matters: float | None = None,
    level: float | None = None,
    fdr: float | None = None,
    resamples: int | None = None,
    labelled_at_random: bool | None = None,
    multiverse: bool | Mapping[str, Any] | None = None,
) -> Audit:
    """Audit answers that models gave; or a learner, which is refitted under shifts; or a trained torch network.

    Args:
        table: A data frame (polars, pandas, pyarrow …), responses, a path, folder or glob of logs, or logs of Inspect
            (``EvalLog``) or results of lm-eval (``simple_evaluate``) as objects, or a list of them; data frames by the
            names of their models (``{"small": frame, "large": frame}``), or a list of frames; with a learner:
            one row an example, as a data frame, ``(X, y)``, ``unseen.Examples``, a path of a table, or ``data:NAME``; with
            a module: what judges it, as ``test``.
        target: With a learner or a module: column to predict; alone it asks for gradient boosting.
        learner: A name (gradient-boosting …), ``module:object``, or a live object: any scikit-learn estimator or
            pipeline, a class, a function or lambda that makes one, a torch factory ``(inputs, outputs) -> module``.
        shifts: With a learner: phrases ("held-out site", "later month"); ``unseen`` and ``split`` name a shift too.
        refits: With a learner: repetitions under other folds and seeds.
        executor: With a learner: serial, local or ray.
        workers: Processes. By default a learner's refits take as many as there are cores, and answers of 100 models or more
            a second one.
        time_limit: With a learner: longest time one refit may take, in seconds; it then fails.
        budget: Seconds that the checks may take together; the dearest run last, and what does not end in time is said
            to be left out.
        train: Training examples: a data frame or a path; with a module also ``(inputs, targets)``, a torch ``Dataset``
            or ``DataLoader``.
        module: A trained torch module, several in a list or by their names, or ``module:function``, which builds one. Its
            answers are audited, and what is inside it (U901 …); nothing of it is changed.
        weights: With a module that is built: file of its weights (safetensors, or a torch file of tensors), or a folder of
            those of several runs, with ``runs.csv`` for what tells them apart.
        test: With a module: examples that it was not trained on. What it answers to them is unseen, to the training examples
            seen, unless ``unseen`` or ``split`` say which of the test examples are.
        loss: With a module: cross-entropy, binary, next-token, squared, absolute, or (outputs, targets) -> losses.
        layers: With a module: regular expression; parameters that have it in their names count as trained, the others are held
            fixed (a few layers of a language model). By default all that require gradients.
        memory: With a module: memory that gradients of single examples may take at once [GB]; by default a quarter, more of large
            networks.
        select: Codes or prefixes of the checks to run: "U101", "U1,U7" or a list.
        ignore: Codes or prefixes to leave out.
        settings: Levels, smallest gap, seed.
        seed: Overrides the seed of the settings.
        progress: Called with (name, finished, total) after each refit, and with (code, done, total) before each
            check; True shows a bar for refits, False none; by default it is shown in notebooks and terminals.
        sources: Where the table came from, for the report.
        strict: Raise what a check raises, instead of reporting that it failed.
        baseline: An earlier audit to compare with, model by model on shared items (U705): an audit, a JSON report, or
            the answers of then (a data frame, a path, folder or glob of logs).
        accepted: A file of findings that are known and accepted, as ``Audit.accept`` writes it.
        unseen: Condition of the rows that are unseen: "digits > 2 or steps > 1".
        split: Column with train, seen or unseen.
        model: Name of the one model, where no column has it.
        model_column: Column with the model's name.
        item_column: Column that names the item.
        score: Column with the score, higher is better; "-loss" negates it.
        score_range: Lowest and highest possible score: "0:10" or (0, 10).
        cluster: Column of what was sampled together (document, patient, template).
        factors: Names of factors ("digits", "site:categorical"), or a mapping of names and kinds.
        time: Column of time.
        confidence: Column with the probability of the answer.
        human: Column with a human's score on some rows, drawn at random; ``score`` is then a judge's.
        variant_of: Column that names the original of a rewritten item.
        parent: Column that names the composite item of a part.
        question: Column with the text of the question.
        prediction: Column with the answer: a class, or the probability of class 1; scored where there is no score.
        target_column: Column with the right answer.
        repeat: Column that numbers repeated runs.
        filter: lm-eval filter to read, where a log has several.
        metric: Metric or scorer to read, where a log has several.
        reader: Name of the reader to use, instead of detection.
        inputs: With a learner or a module: only these columns are features.
        drop: With a learner or a module: columns that are no features.
        regression: With a learner: whether the target is a number; by default seen from its values.
        measure: With a learner: how answers are scored.
        smallest_gap: Smallest effect worth reporting, as a share of the score's range; overrides the settings, as do
            the five that follow.
        gap_that_matters: Effect that the interval must exclude before "clear" is said.
        level: Coverage of the intervals.
        fdr: False discovery rate of the whole audit.
        resamples: Bootstrap and permutation draws.
        labelled_at_random: The scored unseen rows were drawn at random among all unseen rows (U604).
        multiverse: True asks for the gap under all reasonable settings (U909). A mapping names the ways of a choice, or leaves
            it out: ``{"cluster": ["document", "item"], "unseen": ["digits > 3"], "missing": False, "checks": ["U101", "U701"]}``.

    Returns:
        Findings, each with an estimate, a sentence and a next step. ``unseen.testing.check(audit, fail_on="U101")`` fails a
        test, or a script of continuous integration, where one of them must not be there.

    Raises:
        BadInput: The table, a column or an expression can't be used; the message says where.
    """
    from unseen.engine.progress import hooked
    from unseen.options import Options

    if callable(getattr(model, "fit", None)):
        raise BadInput(
            "--model is the name of the model whose answers these are. To refit an estimator under shifts, give it as --learner."
        )
    checked = {
        "smallest_gap": smallest_gap, "gap_that_matters": gap_that_matters, "level": level, "fdr": fdr, "seed": seed,
        "labelled_at_random": labelled_at_random,
    }  # fmt: skip
    options = Options.of({
        "unseen": unseen, "split": split, "model": model, "model_column": model_column, "item_column": item_column,
        "score": score, "score_range": score_range, "cluster": cluster, "factors": factors, "time": time,
        "confidence": confidence, "human": human, "variant_of": variant_of, "parent": parent, "question": question,
        "prediction": prediction, "target_column": target_column, "repeat": repeat, "filter": filter, "metric": metric,
        "reader": reader,
        "target": target, "shifts": shifts, "inputs": inputs, "drop": drop, "regression": regression, "measure": measure,
        "weights": weights, "memory": memory, "layers": layers,
        "refits": refits, "executor": executor, "workers": workers, "time_limit": time_limit, "budget": budget,
        "resamples": resamples, "multiverse": dict(multiverse) if isinstance(multiverse, Mapping) else multiverse,
        **checked,
    })  # fmt: skip
    given_settings = {name: getattr(options, name) for name, option in checked.items() if option is not None}
    given_settings |= {} if resamples is None else {"n_resamples": options.resamples}
    settings = replace(settings or Settings(), **given_settings)
    tell = progress if callable(progress) else None
    # What can't be used is told before the work, not after it.
    known, then = _accepted(accepted), None
    processes = 1 if executor == "serial" else workers
    if baseline is not None:
        then = baseline_of(baseline, options.mapping, settings, select=select, ignore=ignore, budget=budget)
    if module is not None or weights is not None:
        subject = network_subject(
            module, weights, train, table if test is None else test, loss=loss, memory=memory,
            layers=layers, options=options, seed=settings.seed,
        )  # fmt: skip
        subject.baseline, subject.multiverse = then.scores if then else None, options.asked_anew
        result = auditing.run(
            subject,
            settings,
            select=select,
            ignore=ignore,
            progress=tell,
            strict=strict,
            budget=budget,
            workers=processes,
        )
        return _told(Audit(result, tuple(sources), then, known))
    if table is None:
        raise BadInput("nothing to audit: give answers, a table and a learner, or a module and its training examples.")
    if learner is not None or options.learning:
        from unseen.refitting import ask, refitted_under
        from unseen.refitting.pairs import with_target

        options.refuse_answers()

        given, named = (table, str(table)) if isinstance(table, str | Path) else (table, "")
        given, target = with_target(given, target)
        asked = ask(
            learning_table(given, (target, cluster, time, split, *options.inputs), (*options.shifts, unseen or "")),
            "gradient-boosting" if learner is None else learner, options.shifts, target=target, seed=settings.seed,
            inputs=options.inputs, drop=options.drop, cluster=cluster, time=time, regression=regression,
            measure=measure, seconds=time_limit, unseen=unseen, split=split,  # type: ignore[arg-type]
        )  # fmt: skip
        with hooked("refits", progress) as done:
            under = refitted_under(
                asked, refits=refits, seed=settings.seed, executor=executor,  # type: ignore[arg-type]
                workers=workers, seconds=time_limit, done=done,
            )  # fmt: skip
            subject = subject_of(under)
        subject.baseline, subject.multiverse = then.scores if then else None, options.asked_anew
        # Checks ask for further refits: shuffled columns, other learners, subsets of the domains.
        with hooked("further refits", progress) as done:
            under.runner.done = done
            result = auditing.run(
                subject, settings, select=select, ignore=ignore, progress=tell, strict=strict, budget=budget
            )
        return _told(Audit(result, tuple(sources) or ((named,) if named else ()), then, known))
    mapping = options.mapping
    responses, names = _answers_of(table, mapping)
    sources = sources or names
    subject = Subject(
        responses=responses, train=as_examples(train), baseline=then.scores if then else None, multiverse=options.asked_anew
    )  # fmt: skip
    result = auditing.run(
        subject, settings, select=select, ignore=ignore, progress=tell, strict=strict, budget=budget,
        workers=processes,
    )  # fmt: skip
    return _told(Audit(result, tuple(sources), then, known))


@_public
def compare(
    before: Any,
    after: Any,
    *,
    settings: Settings | None = None,
    unseen: str | None = None,
    split: str | None = None,
    model: str | None = None,
    model_column: str | None = None,
    item_column: str | None = None,
    score: str | None = None,
    score_range: str | tuple[float, float] | None = None,
    cluster: str | None = None,
    factors: str | Sequence[str] | Mapping[str, str | None] | None = None,
    repeat: str | None = None,
    question: str | None = None,
    prediction: str | None = None,
    target_column: str | None = None,
    filter: str | None = None,
    metric: str | None = None,
    reader: str | None = None,
) -> Audit:
    """What each model lost or gained from one audit to another, on the items that both have (U705).

    Args:
        before: An audit, its document, the path of a JSON report; or answers: a data frame, a path, folder or glob of logs.
        after: The same.
        settings: Levels, smallest gap, seed.
        unseen: Where answers are given, as for ``audit``: condition of the rows that are unseen.
        split: Column with train, seen or unseen.
        model: Name of the one model, where no column has it.
        model_column: Column with the model's name.
        item_column: Column that names the item.
        score: Column with the score, higher is better; "-loss" negates it.
        score_range: Lowest and highest possible score: "0:10" or (0, 10).
        cluster: Column of what was sampled together.
        factors: Names of factors, or a mapping of names and kinds.
        repeat: Column that numbers repeated runs.
        question: Column with the text of the question.
        prediction: Column with the answer: a class, or the probability of class 1; scored where there is no score.
        target_column: Column with the right answer.
        filter: lm-eval filter to read, where a log has several.
        metric: Metric or scorer to read, where a log has several.
        reader: Name of the reader to use, instead of detection.

    Returns:
        An audit whose findings are the changes; ``.document["verdict"]`` says them in one sentence.

    Raises:
        BadInput: One of the two can't be read.

    >>> rows = {"model": "m", "item": range(80), "score": [1] * 40 + [0] * 40}
    >>> now = rows | {"score": [1] * 20 + [0] * 60}
    >>> print(compare(rows, now).document["verdict"]["sentence"])
    m lost score since the baseline: 0.50 then, 0.25 now (-0.250 [-0.355, -0.168] on 80 shared items).
    """
    from unseen.options import Options
    from unseen.report import baseline as comparing

    options = Options.of({
        "unseen": unseen, "split": split, "model": model, "model_column": model_column, "item_column": item_column,
        "score": score, "score_range": score_range, "cluster": cluster, "factors": factors, "repeat": repeat,
        "question": question, "prediction": prediction, "target_column": target_column, "filter": filter,
        "metric": metric, "reader": reader,
    })  # fmt: skip
    settings = settings or Settings()
    then = baseline_of(before, options.mapping, settings, select=auditing.CHANGE, name="before")
    named = (str(after),) if isinstance(after, str | Path) else ()
    if isinstance(after, Audit) and after.responses is not None:
        subject, named = Subject(responses=after.responses), after.sources
    elif (isinstance(after, Mapping) and "findings" in after) or (
        isinstance(after, str | Path) and comparing.is_report(after)
    ):
        now = baseline_of(after, options.mapping, settings, name="after")
        if not now.scores.items:
            raise BadInput(
                f"{named[0] if named else 'the later report'}: keeps no scores per item. Give its logs instead."
            )
        subject = Subject(responses=now.scores.to_responses())
        subject.shared("kept_scores", lambda: now.scores)
    else:
        try:
            subject = Subject(responses=_answers(after, options.mapping))
        except UnseenError as error:
            raise BadInput(f"after: {error}") from error
    subject.baseline = then.scores
    return Audit(auditing.run(subject, settings, select=auditing.CHANGE), tuple(named), then)


def _answers(given: Any, mapping: Any) -> Responses:
    """Answers from a path, folder or glob of logs, responses, or a data frame."""
    return given if isinstance(given, Responses) else _answers_of(given, mapping)[0]


def _answers_of(given: Any, mapping: Any) -> tuple[Responses, list[str]]:
    """Answers from whatever can be given as a table, and the names of its sources: the one home of that question."""
    from unseen.responses.frames import from_table
    from unseen.responses.reading import is_source, name_of
    from unseen.responses.reading import read as read_files
    from unseen.responses.together import is_several, together

    if isinstance(given, tuple) and len(given) == 2 and all(hasattr(part, "__array__") for part in given):
        raise BadInput(
            "(X, y) is a table to learn from: say what learns (learner) and what is not to be seen (unseen or shifts)."
        )
    if is_several(given):
        return together(given, mapping), [str(name) for name in given] if isinstance(given, Mapping) else []
    listed = isinstance(given, list | tuple) and given and (is_source(given[0]) or not isinstance(given[0], Mapping))
    if not is_source(given) and not listed:
        try:
            return from_table(given, mapping), []
        except BadInput as error:
            raise or_to_learn(error) from None
    sources: list[Any] = [given] if is_source(given) else [*given]
    try:
        return read_files([resolve_sample(source) for source in sources], mapping=mapping), [
            name_of(s) for s in sources
        ]
    except BadInput as error:
        raise or_to_learn(error) from None


def or_to_learn(error: BadInput) -> BadInput:
    """The error on a table without answers, with what it may be instead: one to learn from.

    >>> print(or_to_learn(BadInput("no column 'item'. Missing as well: 'score' (--score). Write a CSV …")))
    no column 'item'. Missing as well: 'score' (--score).
    Is it a table to learn from? Say what to predict and what is not to be seen: --target COLUMN --unseen 'year > 2017'.
    Is it a log? Write a CSV …
    >>> print(or_to_learn(BadInput("no column 'score'.")))
    no column 'score'.
    """
    said, missing, rest = str(error).partition("Missing as well: 'score'")
    if not missing:
        return error
    lacking, _, remedy = rest.partition(" Write a CSV")
    learn = "Is it a table to learn from? Say what to predict and what is not to be seen: --target COLUMN --unseen 'year > 2017'."
    return BadInput(f"{said}{missing}{lacking}\n{learn}" + (f"\nIs it a log? Write a CSV{remedy}" if remedy else ""))


def _told(audit: Audit) -> Audit:
    """The audit with its stories made: what it shows of itself is then there at once."""
    _ = audit.told
    return audit


def _accepted(path: str | Path | None) -> Accepted | None:
    from unseen.report import accepted

    return None if path is None else accepted.read(path)


def baseline_of(
    given: Any, mapping: Any, settings: Settings, *, select: str | Iterable[str] = (), ignore: str | Iterable[str] = (),
    budget: float | None = None, name: str = "the baseline",
) -> Baseline:  # fmt: skip
    """What an audit is compared with: a report as it is, or the same audit of other answers.

    Args:
        given: An audit, a document, the path of a report; or a data frame, responses, a path, folder or glob of logs.
        mapping: What the columns of a log mean.
        settings: Settings of the audit.
        select: Codes or prefixes to run.
        ignore: Codes or prefixes to leave out.
        budget: Seconds that the checks may take together.
        name: What it is called in messages.

    Raises:
        BadInput: It can't be read; the message says why.
    """
    from unseen.report import baseline, summary

    named = [str(given)] if isinstance(given, str | Path) else []

    def audited(responses: Responses) -> dict[str, Any]:
        result = auditing.run(Subject(responses=responses), settings, select=select, ignore=ignore, budget=budget)
        return summary.summarise(result, sources=named)

    return baseline.resolve(given, read=lambda source: _answers(source, mapping), audited=audited, name=name)


@_public
def improve(
    table: Any,
    *,
    target: str | None = None,
    learner: Any = None,
    shifts: str | Sequence[str] = (),
    unseen: str | None = None,
    split: str | None = None,
    remedies: str | Sequence[str] = (),
    seeds: int | None = None,
    rows: int = 20_000,
    smallest_gain: float = 0.005,
    judge: str = "mean",
    level: float = 0.95,
    seed: int = 0,
    executor: str = "local",
    workers: int | None = None,
    time_limit: float | None = None,
    store: Any = None,
    progress: Callable[[str, int, int], None] | bool | None = None,
    source: str = "",
    inputs: str | Sequence[str] = (),
    drop: str | Sequence[str] = (),
    cluster: str | None = None,
    time: str | None = None,
    regression: bool | None = None,
    measure: str | None = None,
    model: Any = None,
    second: Any = None,
    scorer: str | None = None,
    prompt: str = "{}",
    chat: bool | None = None,
    dtype: str | None = None,
    max_tokens: int = 64,
    longest: int = 256,
) -> Improved:
    """Try remedies on data and a learner under shifts, and say honestly whether one helps.

    Remedies are chosen without the domains on which they are judged. With ``model`` they are ways to ask a language model.

    Args:
        table: A data frame, ``(X, y)``, examples, a path, or ``data:NAME``; with ``model`` items (question, target), or
            answers to such.
        target: Column to predict.
        learner: A name (gradient-boosting by default), ``module:object``, or a live object as in ``audit``.
        shifts: Phrases such as ``held-out site`` or ``later month``.
        unseen: Condition of the rows to hold out ("year > 2017"), a shift of its own.
        split: Column with train and test, or seen and unseen: its test or unseen rows are held out.
        remedies: Names; by default all that apply.
        seeds: Repetitions; by default 2 over domains (1 for seven to ten), 5 for a single held-out set.
        rows: Most rows that are used.
        smallest_gain: Gain below which nothing counts as help.
        judge: What choice and verdict rest on: "mean" over domains, or the "worst" quarter of them; both are shown.
        level: Coverage of the intervals.
        seed: Source of every draw.
        executor: Where fits run.
        workers: Processes.
        time_limit: Longest time one fit may take, in seconds; it then fails.
        store: Where finished fits are kept; by default the user's cache, so that a killed run goes on.
        progress: Called with (name, finished, total) after each fit; True shows a bar, False none; by default it is
            shown in notebooks and terminals.
        source: Where the table came from, for the report.
        inputs: Only these columns are features.
        drop: Columns that are no features.
        cluster: Column of what was sampled together.
        time: Column of time.
        regression: Whether the target is a number; by default seen from its values.
        measure: How answers are scored: accuracy, balanced-accuracy, auroc, average-precision (also calibrated-), log-loss or
            brier; for numbers error (mae) or r2.
        model: A language model in place of a learner: a folder, a .gguf file, ``openai:MODEL``, or one of
            ``unseen.learners.language``.
        second: Another language model, which answers together with it.
        scorer: How its answers are read: by-item, exact, choice, number, regex:PATTERN or module:function.
        prompt: Text around each question, with ``{}`` in its place.
        chat: Whether questions are sent as messages; by default as the model takes them.
        dtype: bfloat16, float32 or float16, of a model that is named and runs here; by default bfloat16, or float32 where
            the processor has no bfloat16.
        max_tokens: Most tokens of a short answer.
        longest: Most tokens of an answer that reasons.

    Raises:
        BadInput: The table, a column, the learner, a shift or a remedy can't be used; the message says why.
    """
    import sys
    import time as time_module

    from unseen import improving
    from unseen.engine.progress import hooked, is_shown
    from unseen.improved import first_answer
    from unseen.improving import Improvement
    from unseen.options import Options
    from unseen.refitting import ask
    from unseen.refitting.pairs import with_target

    options = Options.of({
        "target": target, "shifts": shifts, "unseen": unseen, "split": split, "inputs": inputs, "drop": drop,
        "cluster": cluster, "time": time,
        "regression": regression, "measure": measure, "level": level, "seed": seed, "executor": executor,
        "workers": workers, "time_limit": time_limit,
    })  # fmt: skip
    named = source or (str(table) if isinstance(table, str | Path) else "")
    tried = [remedies] if isinstance(remedies, str) else list(remedies)
    if model is not None:
        from unseen.improved import improve_prompted
        from unseen.improving.prompting import Prompting

        if learner is not None:
            raise BadInput(
                "learner and model are both given; a language model is asked, a learner is fitted. Leave one out."
            )
        how = Prompting(scorer=scorer, max_tokens=max_tokens, longest=longest, prompt=prompt, chat=chat, seed=seed)
        models = [_opened(one, dtype) for one in (model, second)]
        with hooked("improve", progress, piece="way") as done:
            return improve_prompted(
                items_given(table), models[0], (*options.shifts, *([f"where {unseen}"] if unseen else [])), how,
                second=models[1], source=named, remedies=tried, repeats=seeds, rows=rows, smallest_gain=smallest_gain,
                judge=judge, level=level, done=done,
            )  # fmt: skip
    table, target = with_target(table, target)
    asked = ask(
        learning_table(table, (target, cluster, time, split, *options.inputs), (*options.shifts, unseen or "")),
        "gradient-boosting" if learner is None else learner, options.shifts, target=target, seed=seed,
        inputs=options.inputs, drop=options.drop, cluster=cluster, time=time, regression=regression,
        measure=measure, seconds=time_limit, unseen=unseen, split=split,  # type: ignore[arg-type]
    )  # fmt: skip
    began, seen = time_module.monotonic(), not callable(progress) and is_shown(progress)

    def first(found: Improvement) -> None:
        if seen:
            sys.stderr.write(first_answer(found, time_module.monotonic() - began))

    with hooked("improve", progress, piece="fit") as done:
        return improve_asked(
            asked, improving.improve, source=named, remedies=tried,
            repeats=seeds, rows=rows, smallest_gain=smallest_gain, judge=judge, level=level, seed=seed, executor=executor,
            workers=workers, store=store, done=done, seconds=time_limit, first=first,
        )  # fmt: skip


def _opened(model: Any, dtype: str | None) -> Any:
    """A model that is named, opened; any other as it is."""
    from unseen.learners.language.named import language_model
    from unseen.learners.language.processor import dtype_setting

    if not isinstance(model, str | Path):
        return model
    return language_model(str(model), **dtype_setting(str(model), dtype))


@_public
def probe(
    table: Any,
    *,
    model: Any,
    variants: str | Sequence[str] = (),
    scorer: str | None = None,
    prompt: str | None = None,
    chat: bool | None = None,
    dtype: str | None = None,
    max_tokens: int | None = None,
    temperature: float = 0.0,
    repeats: int = 1,
    limit: int | None = None,
    parts: bool = False,
    doubt: bool = False,
    samples: int = 0,
    paraphrase_model: Any = None,
    log_model: str | None = None,
    seed: int = 0,
    dry_run: bool = False,
    select: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
    progress: Callable[[str, int, int], None] | bool | None = None,
    model_column: str | None = None,
    item_column: str | None = None,
    score: str | None = None,
    question: str | None = None,
    target_column: str | None = None,
    cluster: str | None = None,
    filter: str | None = None,
    metric: str | None = None,
) -> Probe | DryRun:
    """Ask a language model the items of a log again and in other forms that keep the right answer, and audit its answers.

    Answers are kept: what was asked once is not asked again, also after a run that was killed.

    Args:
        table: Logs, a data frame or a path, with the text of questions and their right answers; or items that nobody answered.
        model: A folder, a .gguf file, ``openai:MODEL``, ``openai:MODEL@URL``, or a model of ``unseen.learners.language``.
        variants: Kinds of variants (order, length, format, context, names, numbers, paraphrase, typos); by default all.
        scorer: How answers are read and scored; by default as the log did, where it says how.
        prompt: Text around each question, with ``{}`` in its place; by default the prompt of the log, where it tells one.
        chat: Send messages, or text to continue; by default as the log did, else as the model takes them.
        dtype: bfloat16, float32 or float16, of a model that is named and runs here; by default bfloat16, or float32 where
            the processor has no bfloat16.
        max_tokens: Most tokens of an answer; by default as in the log, else 64.
        temperature: 0 takes the likeliest token each time.
        repeats: Answers to each form.
        limit: Most items, drawn at random.
        parts: Ask the parts of composite items too.
        doubt: Ask for P(True) of each answer and P(IK) of each question.
        samples: So many answers are drawn to each form besides; the share of them that say the same is the confidence.
        paraphrase_model: Who puts questions in other words (named as ``model``); each proposal is checked twice.
        log_model: Which model of the log is the one that is asked; by default the one of its name.
        seed: Source of every draw.
        dry_run: Only tell what it would take.
        select: Codes or prefixes of checks to run.
        ignore: Codes or prefixes to leave out.
        progress: Called with (name, finished, total) after each answer; True shows a bar, False none; by default it is
            shown in notebooks and terminals.
        model_column: Column with the model's name.
        item_column: Column that names the item.
        score: Column with the score, higher is better.
        question: Column with the text of the question.
        target_column: Column with the right answer.
        cluster: Column of what was sampled together.
        filter: lm-eval filter to read, where a log has several.
        metric: Metric or scorer to read, where a log has several.

    Returns:
        The answers and their audit; with ``dry_run`` the count of calls, tokens, time and price.

    Raises:
        BadInput: Nothing can be asked, or originals score otherwise than in the log and no scorer was named.
    """
    from unseen.engine.progress import hooked
    from unseen.probing import Probing, planned
    from unseen.probing import probe as ask
    from unseen.probing.told import told
    from unseen.responses.mapping import Mapping as Columns

    named = {
        "model_column": model_column, "item_column": item_column, "score": score, "question": question,
        "target": target_column, "cluster": cluster, "filter": filter, "metric": metric,
    }  # fmt: skip
    columns = replace(Columns.of(**{k: v for k, v in named.items() if v is not None}), prompts=True)
    how = Probing(
        variants=(variants,) if isinstance(variants, str) else tuple(variants), scorer=scorer, max_tokens=max_tokens,
        temperature=temperature, repeats=repeats, prompt=prompt, chat=chat, limit=limit, log_model=log_model, parts=parts,
        doubt=doubt, samples=samples, seed=seed,
    )  # fmt: skip
    lm, rewording = _opened(model, dtype), _opened(paraphrase_model, None)
    # Codes that no check has are told before anything is asked.
    auditing.checks_of(select, ignore)
    asked = planned(items_given(table, columns), how, rewording, propose=not dry_run)
    if dry_run:
        bill = asked.bill(lm)
        return DryRun(
            told(asked, lm, bill),
            bill.calls,
            bill.kept,
            bill.prompt_tokens,
            bill.answer_tokens,
            bill.money,
            bill.seconds,
        )
    with hooked("answers", progress, piece="answer") as done:
        probed = ask(asked, lm, done)
    found = audit(probed.table, score_range=(0.0, 1.0), select=select, ignore=ignore, seed=seed, sources=("probe",))
    return Probe(probed, found, how.plain())


@_public
def plan(
    table: Any = None,
    *,
    models: int | None = None,
    settings: Settings | None = None,
    power: float = 0.8,
    select: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
    progress: Callable[[str, int, int], None] | None = None,
    source: str = "",
    items: int | None = None,
    unseen_share: float | None = None,
    clusters: int | None = None,
    rows_per_cluster: float | None = None,
    uneven: float | None = None,
    intraclass: float | None = None,
    score: float | str | None = None,
    sd: float | None = None,
    pairing: float | None = None,
    factors: int | str | Sequence[str] | Mapping[str, str | None] | None = None,
    unseen: str | None = None,
    split: str | None = None,
    model: str | None = None,
    model_column: str | None = None,
    item_column: str | None = None,
    score_range: str | tuple[float, float] | None = None,
    cluster: str | None = None,
    time: str | None = None,
    confidence: str | None = None,
    human: str | None = None,
    variant_of: str | None = None,
    parent: str | None = None,
    question: str | None = None,
    prediction: str | None = None,
    target_column: str | None = None,
    repeat: str | None = None,
    filter: str | None = None,
    metric: str | None = None,
    reader: str | None = None,
) -> Planned:
    """What an audit would show, and how much to collect, before collecting it.

    Args:
        table: A pilot: whatever ``audit`` takes: a data frame, responses, a path, folder or glob of logs, or logs
            of Inspect and results of lm-eval as objects. None to plan from numbers.
        models: Models in the audit; 4 by default, or those of the pilot.
        settings: Levels and gaps of the audit.
        power: Chance to find a gap that is there.
        select: Codes or prefixes of the checks that will run.
        ignore: Codes or prefixes that will not.
        progress: Called with (code, done, total) before each check of the pilot's audit.
        source: Where the pilot came from.
        items: Without a pilot, as the eight that follow: items of each model.
        unseen_share: Share of the items that is unseen; 0.5 by default.
        clusters: Sampling units of all items.
        rows_per_cluster: Mean items per cluster.
        uneven: Standard deviation of the items per cluster over their mean.
        intraclass: Correlation of the scores of two items of one cluster.
        score: Expected mean score on seen items, 0.7 by default; with a pilot, the column with the score.
        sd: Standard deviation of a score, where scores are not 0 and 1.
        pairing: Correlation of two models' scores on one item.
        factors: Number of factors of the items, 1 by default; with a pilot, their names as for ``audit``.
        unseen: With a pilot, as for ``audit``, as those that follow: condition of the rows that are unseen.
        split: Column with train, seen or unseen.
        model: Name of the one model.
        model_column: Column with the model's name.
        item_column: Column that names the item.
        score_range: Lowest and highest possible score.
        cluster: Column of what was sampled together.
        time: Column of time.
        confidence: Column with the probability of the answer.
        human: Column with a human's score on some rows.
        variant_of: Column that names the original of a rewritten item.
        parent: Column that names the composite item of a part.
        question: Column with the text of the question.
        prediction: Column with the answer: a class, or the probability of class 1; scored where there is no score.
        target_column: Column with the right answer.
        repeat: Column that numbers repeated runs.
        filter: lm-eval filter to read.
        metric: Metric or scorer to read.
        reader: Name of the reader to use, instead of detection.

    Raises:
        BadInput: The pilot has no split, or a number lies outside its range; the message says which.
        TooFewUnits: The pilot has too few clusters for a standard error.

    >>> made = plan(models=1, items=786, sd=0.5, score=0.7, factors=0, select=["U101"])
    >>> round(made.smallest_gap_found, 3)
    0.1
    """
    numbers = {
        "items": items, "unseen_share": unseen_share, "clusters": clusters, "rows_per_cluster": rows_per_cluster,
        "uneven": uneven, "intraclass": intraclass, "sd": sd, "pairing": pairing,
    }  # fmt: skip
    columns = {
        "unseen": unseen, "split": split, "model": model, "model_column": model_column, "item_column": item_column,
        "score_range": score_range, "cluster": cluster, "time": time, "confidence": confidence, "human": human,
        "variant_of": variant_of, "parent": parent, "question": question, "prediction": prediction,
        "target_column": target_column, "repeat": repeat, "filter": filter, "metric": metric, "reader": reader,
    }  # fmt: skip
    # Both a design and a log have these two, as a number and as names.
    both = {"score": score, "factors": factors}
    given: dict[str, Any] = {k: v for k, v in {**numbers, **columns, **both}.items() if v is not None}
    from unseen import planning
    from unseen.options import AS_MAPPED
    from unseen.responses.mapping import Mapping as ColumnMapping

    if table is None:
        known = set(planning.Design.__dataclass_fields__)
        unknown = sorted(set(given) - known)
        if unknown:
            raise BadInput(f"{', '.join(unknown)}: not a number of a design. Known: {', '.join(sorted(known))}.")
        design = planning.Design(**{**({} if models is None else {"models": models}), **given})
        return Planned(planning.from_numbers(design, settings, power=power, select=select, ignore=ignore))
    mapping = ColumnMapping.of(**{AS_MAPPED.get(name, name): value for name, value in given.items()})
    pilot, names = _answers_of(table, mapping)
    source = source or ", ".join(names)
    return Planned(
        planning.from_pilot(
            pilot, settings, power=power, models=models, select=select, ignore=ignore, source=source or "table",
            progress=progress,
        )
    )  # fmt: skip


def subject_of(under: UnderShift) -> Subject:
    """A refitted learner as the subject of an audit: its answers, and itself; runs the planned refits."""
    return Subject(responses=under.responses(), train=under.problem.examples, learner=under)


def network_subject(
    module: Any, weights: str | Path | None, train: Any, test: Any, *, loss: Any, memory: float | None,
    layers: str | None, options: Options, seed: int,
) -> Subject:  # fmt: skip
    """Trained networks as the subject of an audit: what they answer, and what is inside them."""
    from unseen.engine.seeds import seeded_torch
    from unseen.engine.torch_extra import needs_torch
    from unseen.responses.frames import from_table

    with needs_torch("auditing a module"):
        from unseen.learners.networks import Inspected, Sample
        from unseen.learners.networks.given import own_loss, require_alone, require_running_means, thrifty
        from unseen.learners.networks.loaders import two_classes, unrolled
        from unseen.learners.networks.network import MEMORY
        from unseen.learners.networks.stored import stored

    runs: dict[str, Any] = {}
    asked = options.memory if memory is None else memory
    if options.learner or options.shifts:
        raise BadInput(
            "a trained network is audited as it is: leave out the learner and the shifts, which are for a learner that is refitted "
            "(--unseen says which rows of the test set are unseen)."
        )
    if module is None:
        raise BadInput("weights without a network: say with --module module:function what builds it.")
    if weights is not None:
        with seeded_torch(seed):
            module, runs = stored(module, weights)
    elif isinstance(module, str):
        raise BadInput(f"--module {module}: says what builds the network; give its weights too: --weights FILE.")
    with seeded_torch(seed):
        read = [
            learning_table(part) if isinstance(part, str | Path) else unrolled(part, name)
            for part, name in ((train, "train"), (test, "test"))
        ]
        for part, name in zip(read, ("train", "test"), strict=True):
            if loss != "next-token" and options.target is None and hasattr(part, "columns"):
                next_token = ", or --loss next-token for sequences of tokens" if "tokens" in part.columns else ""
                raise BadInput(f"{name}: say which column is predicted: --target COLUMN{next_token}.")
        if loss == "binary":
            read = [
                part if part is None else two_classes(Sample.of(
                    part, target=options.target, inputs=options.inputs, drop=options.drop, cluster=options.cluster, name=name
                ))
                for part, name in zip(read, ("train", "test"), strict=True)
            ]  # fmt: skip
        require_running_means(module)
        own = own_loss(loss)
        inspected = Inspected.of(
            module, *read, loss=own, target=options.target, inputs=options.inputs, drop=options.drop, cluster=options.cluster,
            layers=layers, settings=runs, memory=MEMORY if asked is None else int(asked * 2**30),
        )  # fmt: skip
        if asked is None:
            inspected = replace(inspected, memory=thrifty(inspected.networks))
        for network in inspected.networks:
            require_alone(network, inspected.train)
        told = inspected.answers(both=not (options.unseen or options.split), seed=seed)
    # Clusters stand under their own name in the answers.
    mapping = replace(options.mapping, cluster=None)
    answers = from_table(told, mapping)
    noted = tuple(f"{net.name}: {note}." for net in inspected.networks for note in net.notes)
    if noted:
        answers = Responses(answers.table, answers.factors, answers.score_kind, (*answers.notes, *noted))
    return Subject(responses=answers, module=inspected)


def learning_table(source: Any, named: Sequence[str | None] = (), shifts: Sequence[str] = ()) -> Any:
    """A table to learn from: a data frame or examples as they are, else a file (table or ``.npz``) or ``data:NAME``.

    Args:
        source: The table.
        named: Columns that are asked for; an index of pandas among them becomes a column.
        shifts: Phrases; so does an index that one of them names.

    Raises:
        BadInput: There is no such file or data set, or it is no table.
    """
    if not isinstance(source, str | Path):
        from unseen.responses.validation import index_names, to_polars

        if isinstance(source, Examples):
            return source
        if hasattr(source, "__array__") and not hasattr(source, "columns"):
            raise BadInput("a table to learn from must be a data frame or (X, y); got an array without its targets.")
        told = [
            name
            for name in index_names(source)
            if any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) for text in shifts)
        ]
        return to_polars(source, wanted={*told, *(name for name in named if name)})
    if isinstance(source, str) and source.startswith("data:"):
        from unseen.data.natural import resolve

        return resolve(source.removeprefix("data:"))
    if str(source).lower().endswith(".npz"):
        from unseen.data.arrays import read_npz

        return read_npz(source)
    from unseen.responses.reading import read_examples

    return read_examples(resolve_sample(source))


def items_given(given: Any, columns: Any = None) -> Responses | pl.DataFrame:
    """Items to ask a language model: a table of questions that nobody answered yet, else answers, from files or frames.

    Args:
        given: Paths, a frame, or responses.
        columns: What the columns mean (``unseen.responses.mapping.Mapping``).

    Raises:
        BadInput: There is no such file, or it is no table; or it has questions that nobody answered, and no right answers.
    """
    from unseen.learners.questions.items import items_in
    from unseen.responses.mapping import Mapping as Columns
    from unseen.responses.readers.plain import sniff
    from unseen.responses.reading import read_examples
    from unseen.responses.validation import to_polars

    if isinstance(given, Responses):
        return given
    columns = columns or Columns()
    items = None
    if isinstance(given, str | Path):
        place = Path(resolve_sample(given))
        if place.is_file() and sniff(place):
            items = items_in(read_examples(place), columns.columns, what=str(given))
    elif not isinstance(given, list | tuple | Mapping):
        items = items_in(to_polars(given), columns.columns)
    return _answers(given, columns) if items is None else items


def resolve_sample(source: Any) -> Any:
    """The path of a bundled sample for ``sample:NAME``, any other source as it is."""
    if isinstance(source, str) and source.startswith("sample:"):
        from unseen.data.sample import sample_path

        return sample_path(source.removeprefix("sample:"))
    return source


def as_examples(train: Any) -> Examples | None:
    """Training examples from a path or a data frame; every column is kept, ``input`` or ``question`` is the input."""
    if train is None or isinstance(train, Examples):
        return train
    from unseen.responses.reading import read_examples
    from unseen.responses.validation import to_polars

    table = read_examples(train) if isinstance(train, str | Path) else to_polars(train)
    inputs = [c for c in ("input", "question", "text", "prompt") if c in table.columns][:1]
    target = next((c for c in ("target", "label", "answer") if c in table.columns), None)
    return Examples.from_table(table, inputs=inputs, target=target)


@dataclass(frozen=True)
class Page:
    """What there is to know about a check."""

    check: Check

    @property
    def code(self) -> str:
        """Code of the check."""
        return self.check.code

    @property
    def title(self) -> str:
        """Title of the check."""
        return self.check.title

    @property
    def question(self) -> str:
        """What the check asks."""
        return self.check.question

    def to_dict(self) -> dict[str, Any]:
        """All sections as plain data."""
        from unseen.atlas.citing import cited

        c = self.check
        return {
            "code": c.code, "title": c.title, "question": c.question, "null": c.null, "effect_of_interest": c.interest,
            "method": c.method, "assumptions": c.assumptions, "needs": list(c.needs), "sources": list(c.sources),
            "example": c.example, "studies": cited(c.code, c.studies),
        }  # fmt: skip

    def __str__(self) -> str:
        from unseen.atlas.citing import cited, citing_text
        from unseen.report.plain import page

        c = self.check
        sections = [
            ("Question", c.question), ("Null", c.null), ("Effect of interest", c.interest),
            ("Method", in_python(c.method)), ("Assumptions", in_python(c.assumptions)), ("Needs", ", ".join(c.needs)),
            ("Sources", "\n".join(c.sources)), ("Example", in_python(c.example)),
            ("Studies", citing_text(cited(c.code, c.studies)) or "none of the atlas yet"),
        ]  # fmt: skip
        source = packages().get(c.code)
        return page(f"{c.code}  {c.title}", [*([("Package", source)] if source else []), *sections])


class Pages(list[Any]):
    """Pages of checks or remedies; one shows itself whole, several by their titles and questions."""

    def __repr__(self) -> str:
        if len(self) == 1:
            return str(self[0])
        return "\n".join(f"{page.code}  {page.title}\n      {page.question}" for page in self)

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"


@_public
def explain(code: str = "") -> Pages:
    """Pages of the checks whose code begins so, all for an empty code; or of ``remedy:NAME``, all for ``remedy``.

    What is returned shows itself where it is the last line of a cell or typed at a prompt; a script says
    ``print(unseen.explain("U101"))``.

    Raises:
        BadInput: No check begins so, or no remedy has this name.

    >>> [page.code for page in explain("U101")]
    ['U101']
    """
    if code.lower().partition(":")[0] == PREFIX:
        return Pages(remedy_pages(code))
    chosen = selected(code) if code else list(all_checks().values())
    return Pages(Page(check) for check in chosen)


def load_document(path: str | Path) -> dict[str, Any]:
    """Read a JSON report back.

    Raises:
        BadInput: It is not a report of a known schema version.
    """
    from unseen.report import stored

    return stored.load(path)
