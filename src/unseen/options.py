"""Every option of an audit, once: the same names, types and limits for TOML, the command line and Python."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError, field_validator

from unseen.checks.base import Settings
from unseen.checks.registry import as_code
from unseen.errors import BadInput, NoArgument
from unseen.plain_text import names, value
from unseen.responses.mapping import Mapping

# Other names that an option may be given under: those of the command line, where they differ.
ALIASES = {
    "range": "score_range", "factor": "factors", "item": "item_column", "shift": "shifts", "n_resamples": "resamples",
    "answer_key": "target_column",
}  # fmt: skip
# Options that say what the columns of a log mean, as ``Mapping`` takes them.
COLUMNS = (
    "model_column", "model", "item_column", "score", "score_range", "cluster", "factors", "unseen", "split", "time",
    "confidence", "human", "variant_of", "parent", "question", "prediction", "repeat", "filter", "metric", "reader",
)  # fmt: skip
# Of these, what ``Mapping`` calls otherwise: elsewhere format and target are those of a report and of a learner.
AS_MAPPED = {"reader": "format", "target_column": "target"}
CHECKED = ("smallest_gap", "gap_that_matters", "level", "fdr", "seed", "labelled_at_random")


@dataclass(frozen=True)
class InPython:
    """What Python has instead of an option that belongs to the command line alone.

    Attributes:
        words: What to write, after "use".
    """

    words: str


_SAVED = InPython('save_html("report.html"), to_json("report.json") or to_markdown("report.md") of what is returned')
_ACCEPTED = InPython('audit.accept("accepted.toml", only=…, reason=…, expires=…) on what is returned')
_CHECKED = "unseen.testing.check(audit, {}=…) on what is returned"


# What tells how answers are read: a learner that is refitted gives its own.
OF_ANSWERS = (
    "score", "score_range", "prediction", "target_column", "model", "model_column", "item_column", "confidence", "human",
    "variant_of", "parent", "question", "repeat", "filter", "metric", "reader", "factors",
)  # fmt: skip


class Options(BaseModel):
    """The options of one audit; None where the default holds.

    Attributes:
        sources: Files, folders or globs of logs, or one table to learn from.
        model_column: Column with the model's name.
        model: Name of the one model, where no column has it.
        item_column: Column that names the item.
        score: Column with the score, higher is better; ``-loss`` negates it.
        score_range: Lowest and highest possible score, ``"0:10"``.
        cluster: Column of what was sampled together.
        factors: Names (``digits``, ``site:categorical``), or a table of names and kinds.
        unseen: Condition of the rows that are unseen.
        split: Column with train, seen or unseen.
        time: Column of time.
        confidence: Column with the probability of the answer.
        human: Column with a human's score on some rows, drawn at random.
        variant_of: Column that names the original of a rewritten item.
        parent: Column that names the composite item of a part.
        question: Column with the text of the question.
        prediction: Column with the answer.
        target_column: Column with the right answer.
        repeat: Column that numbers repeated runs.
        filter: lm-eval filter to read.
        metric: Metric or scorer to read.
        reader: Name of the reader to use, instead of detection.
        train: File of training examples.
        target: Column to predict: the source is then a table to learn from.
        learner: Name of a learner, or ``module:object``.
        shifts: Phrases such as ``held-out site``.
        inputs: Only these columns are features.
        drop: Columns that are no features.
        regression: Whether the target is a number.
        measure: How answers are scored: accuracy, balanced-accuracy, auroc, average-precision (also calibrated-), log-loss or
            brier; for numbers error (mae) or r2.
        refits: Repetitions under other folds and seeds.
        executor: serial, local or ray.
        workers: Processes.
        time_limit: Longest time one refit may take, in seconds.
        budget: Seconds that the checks may take together; the dearest are left out.
        module: Code that builds a torch network, ``module:function``; what it answers and what is inside it is audited.
        weights: File of its weights, or a folder of those of several runs.
        test: File of examples that it was not trained on.
        loss: cross-entropy, binary, next-token, squared or absolute.
        layers: Regular expression: parameters that have it in their names count as trained, the others are held fixed.
        memory: Memory that gradients of single examples may take at once [GB]; by default a quarter, more of large networks.
        select: Codes or prefixes to run.
        ignore: Codes or prefixes to leave out.
        smallest_gap: Smallest effect worth reporting.
        gap_that_matters: Effect that must be excluded before clear is said.
        level: Coverage of the intervals.
        fdr: False discovery rate of the whole audit.
        resamples: Bootstrap and permutation draws.
        seed: Source of every random draw.
        labelled_at_random: The scored unseen rows were drawn at random.
        multiverse: Ask for the gap under all reasonable settings (U909); or the ways of each choice, by its name.
        format: text, json, markdown, html, github or sarif.
        output: Files to write.
        baseline: An earlier report, or its logs.
        accepted: File of findings that are known and accepted.
        accept: File to write such findings to.
        only: Which of them, as CODE or CODE:SUBJECT; all where none is named.
        reason: Why they are accepted.
        expires: Last day on which they are.
        statistics: Counts of findings by code instead of the findings.
        fail_on: Codes that fail when found, and the word undecided.
        fail_gap: A found effect of this size fails.
        full: Every finding and open question in the terminal, not only the first screen.
        quiet: No progress and no findings in the terminal.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: tuple[str, ...] = ()
    model_column: str | None = None
    model: str | None = None
    item_column: str | None = None
    score: str | None = None
    score_range: tuple[float, float] | None = None
    cluster: str | None = None
    factors: dict[str, str | None] | None = None
    unseen: str | None = None
    split: str | None = None
    time: str | None = None
    confidence: str | None = None
    human: str | None = None
    variant_of: str | None = None
    parent: str | None = None
    question: str | None = None
    prediction: str | None = None
    target_column: str | None = None
    repeat: str | None = None
    filter: str | None = None
    metric: str | None = None
    reader: str | None = None
    train: str | None = None
    target: str | None = None
    learner: str | None = None
    shifts: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    regression: StrictBool | None = None
    measure: str | None = None
    refits: int | None = Field(None, ge=1)
    executor: Literal["serial", "local", "ray"] = "local"
    workers: int | None = Field(None, ge=1)
    time_limit: float | None = Field(None, ge=1)
    budget: float | None = Field(None, gt=0)
    module: str | None = None
    weights: str | None = None
    test: str | None = None
    loss: Literal["cross-entropy", "binary", "next-token", "squared", "absolute"] | None = None
    layers: str | None = None
    memory: float | None = Field(None, gt=0)
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    smallest_gap: float = Field(0.02, ge=0, le=1)
    gap_that_matters: float = Field(0.10, ge=0.001, le=1)
    level: float = Field(0.95, ge=0.5, le=0.999)
    fdr: float = Field(0.05, ge=0.0001, le=0.5)
    resamples: int = Field(1000, ge=100)
    seed: int = Field(0, ge=0)
    labelled_at_random: StrictBool = False
    multiverse: StrictBool | dict[str, Any] = False
    format: Annotated[Literal["text", "json", "markdown", "html", "github", "sarif"] | None, _SAVED] = None
    output: Annotated[tuple[str, ...], _SAVED] = ()
    baseline: str | None = None
    accepted: str | None = None
    accept: Annotated[str | None, _ACCEPTED] = None
    only: Annotated[tuple[str, ...], _ACCEPTED] = ()
    reason: Annotated[str, _ACCEPTED] = ""
    expires: Annotated[date | None, _ACCEPTED] = None
    statistics: Annotated[StrictBool, InPython('audit.to_frame().group_by("code").len() on what is returned')] = False
    fail_on: Annotated[tuple[str, ...], InPython(_CHECKED.format("fail_on"))] = ()
    fail_gap: Annotated[float | None, InPython(_CHECKED.format("fail_gap"))] = Field(None, ge=0)
    full: Annotated[StrictBool, InPython("audit.to_frame() on what is returned, which holds every finding")] = False
    quiet: Annotated[
        StrictBool, InPython("progress=False, which shows no bar; nothing is printed until you print what is returned")
    ] = False

    @field_validator("train", "test", "weights", "baseline", "accepted", "accept", mode="before")
    @classmethod
    def _places(cls, given: Any) -> Any:
        return str(given) if isinstance(given, Path) else given

    @field_validator("output", mode="before")
    @classmethod
    def _files(cls, given: Any) -> Any:
        listed = (given,) if isinstance(given, str | Path) else given
        return (
            tuple(str(p) if isinstance(p, Path) else p for p in listed) if isinstance(listed, list | tuple) else listed
        )

    @field_validator("sources", "shifts", "only", mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given

    @field_validator("select", "ignore", "fail_on", mode="before")
    @classmethod
    def _codes(cls, given: Any) -> Any:
        return tuple(_code(name) for name in _parted(given)) if given else ()

    @field_validator("inputs", "drop", mode="before")
    @classmethod
    def _names(cls, given: Any) -> Any:
        return _parted(given) if given else ()

    @field_validator("expires", mode="before")
    @classmethod
    def _day(cls, given: Any) -> Any:
        if given is None or isinstance(given, date):
            return given
        try:
            return date.fromisoformat(str(given))
        except ValueError:
            example = date.today() + timedelta(days=90)
            raise BadInput(
                f"--expires takes the last day on which it is accepted, as {example.isoformat()}; got {value(given, 40)!r}."
            ) from None

    @field_validator("score_range", "factors", mode="before")
    @classmethod
    def _read(cls, given: Any, info: Any) -> Any:
        if given is None:
            return None
        # ``Mapping`` knows how these are written.
        made = Mapping.of(**{info.field_name: given})
        return made.score_range if info.field_name == "score_range" else dict(made.factors)

    @classmethod
    def of(cls, *given: AnyMapping[str, Any], where: str = "") -> Self:
        """Check options from one or several places; what comes later wins, None is not given, True leaves a table as it is.

        Args:
            given: Options by name; dashes and underscores are the same.
            where: What to name in messages.

        Raises:
            BadInput: An option does not exist, or its value is of the wrong type or out of range.

        >>> Options.of({"level": 0.9, "select": "U1,U501"}, {"level": None, "seed": 3}).settings.level
        0.9
        """
        merged: dict[str, Any] = {}
        for one in given:
            for name, option in one.items():
                known = ALIASES.get(str(name).replace("-", "_"), str(name).replace("-", "_"))
                if known not in cls.model_fields:
                    raise BadInput(f"{where}{_unknown(str(name), list(cls.model_fields))}")
                # Asking for what a table already spells out is no other choice than the table's.
                if option is not None and not (option is True and isinstance(merged.get(known), dict)):
                    merged[known] = option
        try:
            return cls(**merged)
        except ValidationError as error:
            raise BadInput(f"{where}{_told(error)}") from None

    @classmethod
    def from_toml(cls, path: Path | None = None) -> dict[str, Any]:
        """Options of the table ``[tool.unseen]``, or of a whole ``unseen.toml``: checked, but only those that are there.

        Args:
            path: The file; by default ``unseen.toml`` or ``pyproject.toml`` here, where there is one.

        Raises:
            BadInput: The file is missing or no TOML, or an option in it is wrong.
        """
        import tomllib

        for candidate in [path] if path else [Path("unseen.toml"), Path("pyproject.toml")]:
            if not candidate.is_file():
                if path:
                    raise BadInput(f"{candidate}: no such file.")
                continue
            try:
                document = tomllib.loads(candidate.read_text(encoding="utf-8"))
            except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
                raise BadInput(f"{candidate}: not valid TOML ({value(error)}).") from None
            tool = document.get("tool")
            table = tool.get("unseen") if isinstance(tool, dict) else None
            if table is None and candidate.name != "pyproject.toml":
                table = document
            if table is None:
                continue
            if not isinstance(table, dict):
                raise BadInput(f"{candidate}: [tool.unseen] must be a table of options, got {value(table)!r}.")
            cls.of(table, where=f"{candidate}: ")
            return dict(table)
        return {}

    @property
    def mapping(self) -> Mapping:
        """What the columns of a log mean."""
        given = {AS_MAPPED.get(name, name): getattr(self, name) for name in (*COLUMNS, "target_column")}
        return Mapping.of(**{k: v for k, v in given.items() if v is not None})

    @property
    def settings(self) -> Settings:
        """What holds for all checks."""
        return Settings(n_resamples=self.resamples, **{name: getattr(self, name) for name in CHECKED})

    @property
    def asked_anew(self) -> dict[str, Any] | None:
        """Choices under which the gap is asked anew; None where that was not asked for.

        >>> Options.of({"multiverse": True}).asked_anew, Options.of({}).asked_anew
        ({}, None)
        """
        if isinstance(self.multiverse, dict):
            return self.multiverse
        return {} if self.multiverse else None

    @property
    def learning(self) -> bool:
        """Whether a learner is to be refitted."""
        return not self.inspecting and bool(self.target or self.learner or self.shifts)

    def refuse_answers(self) -> None:
        """Refuse what says how answers are read where a learner is to be refitted, which gives its own.

        Raises:
            BadInput: There is such an option; the message says what to leave out.
        """
        named = next((name for name in OF_ANSWERS if getattr(self, name)), None)
        if named is None:
            return
        option = "--range" if named == "score_range" else f"--{named.replace('_', '-')}"
        what = "--target" if self.target else "--learner" if self.learner else "--shift"
        if named == "factors":
            raise BadInput(
                "--factor is for answers that are there. Here a learner is refitted (--target), and every column that "
                "groups or orders rows is a factor by itself. Leave it out."
            )
        column = f" (with --target-column {self.target!r})" if named == "prediction" else ""
        raise BadInput(
            f"{option} is for answers that are there, {what} asks to refit a learner. To audit the answers, leave {what} out"
            f"{column}; to refit a learner, leave {option} out."
        )

    @property
    def inspecting(self) -> bool:
        """Whether a trained network is to be inspected."""
        return bool(self.module or self.weights)


class ProbeOptions(Options):
    """The options of one probe: those that say how a log is read and what is audited, and these.

    Attributes:
        ask: The model to ask.
        log_model: Which model of the log is the one that is asked.
        variants: Kinds of variants; none means all.
        scorer: How answers are read and scored.
        prompt: Text around each question, with ``{}`` in its place; None takes the prompt of the log.
        chat: Whether questions are sent as messages; None lets the model decide.
        max_tokens: Most tokens of an answer.
        temperature: 0 takes the likeliest token each time.
        repeats: Answers to each form.
        limit: Most items, drawn at random.
        budget_tokens: Most tokens that an endpoint may be asked for.
        budget_money: Most money, in the unit of the prices.
        price_in: Of a million tokens of prompts.
        price_out: Of a million tokens of answers.
        at_once: Calls of an endpoint at a time.
        dtype: Data type of a model that runs here.
        table: File for the answers.
        log_dir: Folder for a log of Inspect with the answers.
        parts: Ask the parts of composite items too.
        doubt: Ask for each answer whether it is true, and for each question beforehand whether it is known.
        paraphrase_model: Who puts questions in other words.
        samples: Answers that are drawn to each form besides; 0 for none.
        dry_run: Only tell what it would take.
    """

    ask: str = Field("", min_length=1)
    log_model: str | None = None
    variants: tuple[str, ...] = ()
    scorer: str | None = None
    prompt: str | None = None
    chat: StrictBool | None = None
    max_tokens: int | None = Field(None, ge=1)
    temperature: float = Field(0.0, ge=0)
    repeats: int = Field(1, ge=1)
    limit: int | None = Field(None, ge=1)
    budget_tokens: int | None = Field(None, ge=1)
    budget_money: float | None = Field(None, gt=0)
    price_in: float | None = Field(None, ge=0)
    price_out: float | None = Field(None, ge=0)
    at_once: int | None = Field(None, ge=1)
    dtype: Literal["bfloat16", "float32", "float16"] | None = None
    table: str = "unseen-probe.parquet"
    log_dir: str | None = None
    parts: StrictBool = False
    doubt: StrictBool = False
    paraphrase_model: str | None = None
    samples: int = Field(0, ge=0)
    dry_run: StrictBool = False

    @field_validator("variants", mode="before")
    @classmethod
    def _kinds(cls, given: Any) -> Any:
        return _parted(given) if given else ()

    @field_validator("table", "log_dir", mode="before")
    @classmethod
    def _place(cls, given: Any) -> Any:
        return str(given) if isinstance(given, Path) else given


def _parted(given: Any) -> Any:
    """Names of one text or several, each possibly a list with commas."""
    listed = (given,) if isinstance(given, str) else given
    if not isinstance(listed, list | tuple | set | frozenset) or not all(isinstance(text, str) for text in listed):
        raise ValueError("must be a text, or a list of texts")
    parts = tuple(part.strip() for text in listed for part in text.split(",") if part.strip())
    if not parts and any(text.strip() for text in listed):
        raise ValueError(f"{', '.join(listed)!r} names nothing")
    return parts


def _code(name: str) -> str:
    return name.upper() if name.lower() == "undecided" else as_code(name)


def no_argument(function: str, taken: Collection[str], name: str) -> NoArgument:
    """The error on an argument that a function of the library does not take.

    Args:
        function: Its name.
        taken: What it takes.
        name: What it was given.

    >>> print(no_argument("audit", ["factors"], "fail_on"))
    audit has no argument 'fail_on': use unseen.testing.check(audit, fail_on=…) on what is returned.
    >>> print(no_argument("audit", ["factors", "level"], "factor"))
    audit has no argument 'factor'; did you mean 'factors'?
    """
    field = Options.model_fields.get(name)
    for other in field.metadata if field is not None else ():
        if isinstance(other, InPython):
            return NoArgument(f"{function} has no argument {name!r}: use {other.words}.")
    called = ALIASES.get(name, "")
    near = [called] if called in taken else get_close_matches(name, taken, n=1)
    said = f"; did you mean {near[0]!r}?" if near else f". The arguments are {names(sorted(taken), 60)}."
    return NoArgument(f"{function} has no argument {value(name, 60)!r}{said}")


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name.replace("-", "_"), [*known, *ALIASES], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"no option {value(name, 60)!r}{hint} The options are {names(sorted(known), 60)}."


def _told(error: ValidationError) -> str:
    """The first thing that is wrong, as a sentence."""
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else "options"
    said = str(first["msg"]).removeprefix("Value error, ")
    said = said[:1].lower() + said[1:]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, BadInput) and str(cause).startswith("--"):
        return str(cause)
    if isinstance(cause, BadInput):
        return f"option {name!r}: {cause}"
    return f"option {name!r}: {said.removesuffix('.')}, got {value(repr(first['input']), 80)}."


__all__ = ["AS_MAPPED", "COLUMNS", "InPython", "Options", "ProbeOptions", "no_argument"]
