"""Reading answers from disk: find the files, detect each format from its content, put them into one table."""

from __future__ import annotations

import glob
import os
import re
from collections import defaultdict
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl

from unseen.errors import BadInput, UnseenError
from unseen.plain_text import names as shown_names
from unseen.plain_text import value as shown_value
from unseen.responses.alone import called
from unseen.responses.expressions import unknown_column
from unseen.responses.frames import apply_unseen, from_table, in_own_words
from unseen.responses.mapping import ROLE_OF, Mapping
from unseen.responses.matching import matched
from unseen.responses.notes import facts_of
from unseen.responses.readers import COMPANIONS, PLUGGED, READERS, PluggedReader, inspect_log, lm_eval, plain
from unseen.responses.readers._content import TOO_DEEP, peek, text_of
from unseen.responses.readers._fields import NoMetric
from unseen.responses.table import Responses
from unseen.responses.validation import checked

FORMATS = (
    "Known are: logs of lm-eval (samples_*.jsonl), Inspect (.eval, .json), HELM (run folders), lighteval, promptfoo, DeepEval, "
    "MLflow, EvalPlus, BigCodeBench, SWE-bench, OpenAI evals, Ragas, Hugging Face evaluate, Weave, every_eval_ever and py-irt, "
    "and tables as CSV, Parquet, Arrow, JSON lines, or JSON with columns and data."
) + "".join(f" Of {reader.plugin.package}: {name}." for name, reader in PLUGGED.items())
Reader = ModuleType | PluggedReader
# Every page that we write says so in its head.
REPORT_PAGE = re.compile(
    r'<meta name="generator" content="unseen"|content="default-src &#39;none&#39;; style-src &#39;sha256'
)
# What to do with a file that no reader knows: any script writes these three columns.
REMEDY = (
    "Write a CSV with three columns, one row an answer, and any further columns as factors:\n"
    "  model,item,score\n"
    "  my-model,question-1,1"
)


def read(sources: Any, *, mapping: Mapping = Mapping()) -> Responses:  # noqa: B008
    """Read logs or tables; each format is detected from the content.

    Args:
        sources: Files, folders (searched through), globs, logs of Inspect or results of lm-eval as objects. Several become one
            table.
        mapping: Names of columns, what is unseen, which metric and filter to read.

    Returns:
        The validated responses; ``notes`` say what was decided on the way.

    Raises:
        BadInput: A file is missing, unknown, damaged or holds a wrong value; the message names file, row and value.
        MissingExtra: A file needs an optional package.
    """
    given = [sources] if is_source(sources) else list(sources)
    objects = [source for source in given if not isinstance(source, str | Path)]
    paths = [source for source in given if isinstance(source, str | Path)]
    files = find(paths, mapping.format) if paths or not objects else []
    files, notes = _once(files, paths)
    raw: list[_Raw] = []
    many = len(files) + len(objects) > 1
    stopped: list[inspect_log.NothingScored] = []
    lacking: list[tuple[int, Any, NoMetric]] = []
    for one in [*objects, *files]:
        try:
            raw += _raw(one, mapping, many=many)
        except inspect_log.NothingScored as error:
            # A folder of logs holds runs that were stopped beside those that were not.
            stopped.append(error)
        except NoMetric as error:
            lacking.append((len(raw), one, error))
    if lacking and not raw:
        raise lacking[0][2]
    for place, one, error in reversed(lacking):
        # Tasks have metrics of their own: one that lacks the metric that was asked for is read as it would be alone.
        raw[place:place] = _raw(one, replace(mapping, metric=None, score=None), many=many)
        notes.append(f"{str(error).partition('. ')[0]}: its usual one is read.")
    anywhere: dict[str, pl.DataType] = {}
    for part in raw:
        anywhere |= {name: type_ for name, type_ in part.table.schema.items() if name not in anywhere}
    names, tables = [part.name for part in raw], list[pl.DataFrame]()
    for part in raw:
        table, decided = _finished(part, mapping, anywhere)
        tables.append(table)
        notes += [n for n in decided if n not in notes]
    if stopped and (not tables or len(given) == len(names) + len(stopped)):
        raise stopped[0]
    if stopped:
        first = str(stopped[0]).split(". ")[0]
        notes.append(f"{len(stopped):,} logs hold no scored sample and were left out (first: {first}).")
    runs = all(reader is not plain for _, reader in files)
    table, decided = matched(tables, names, runs=runs)
    # Columns have our names by now: what is left to the door are kinds, the range and what is unseen.
    ready = Mapping(factors=mapping.factors, score_range=_own_range(mapping))
    if len(names) > 1:
        what = "files" if not objects else "logs"
        notes.insert(0, f"{len(names):,} {what} were read: {_named([Path(n) for n in names])}.")
    responses = from_table(
        table, replace(ready, unseen=None, score_range=_own_range(mapping)), notes=(*notes, *decided)
    )
    if mapping.unseen:
        return apply_unseen(responses, mapping.unseen, aliases=mapping.aliases)
    return responses


def _once(
    files: list[tuple[Path, Reader]], paths: Sequence[str | Path]
) -> tuple[list[tuple[Path, Reader]], list[str]]:  # fmt: skip
    """The files without those that are named twice, and a note of these."""
    first: dict[str, tuple[Path, Reader]] = {}
    for path, reader in files:
        first.setdefault(os.path.realpath(path), (path, reader))
    given = [os.path.realpath(_expanded(p)) for p in paths]
    twice = [str(p) for p in paths if given.count(os.path.realpath(_expanded(p))) > 1]
    notes = [f"{twice[0]} is named twice: the same file is read once."] if twice else []
    if len(first) < len(files) and not notes:
        more = next(str(p) for p, _ in files if (p, _) not in first.values())
        notes = [f"{more} is named twice, by different names: the same file is read once."]
    return list(first.values()), notes


def is_source(given: Any) -> bool:
    """Whether something is one source: a path, a name, a log of Inspect, or the results of a run of lm-eval."""
    return isinstance(given, str | Path) or inspect_log.is_log(given) or lm_eval.is_results(given)


def columns_of(sources: Sequence[Any], responses: Responses, mapping: Mapping) -> str:
    """Which columns were taken for model, item and score, in words; of a log, which tool's reader knows them.

    Args:
        sources: What was read.
        responses: What came of it.
        mapping: The names that the user gave.
    """
    paths = [source for source in sources if isinstance(source, str | Path)]
    readers = {reader.NAME: reader for _, reader in (find(paths, mapping.format) if paths else [])}
    logs = [name for name, reader in readers.items() if reader is not plain]
    if logs or not readers:
        return f"model, item and score as {' and '.join(logs) or 'the tool'} keeps them"
    own = {role: repr(column) for role, column in mapping.columns.items()}
    own |= {"model": "--model"} if mapping.model else {}
    known = own | facts_of(responses.notes)
    return ", ".join(f"{role} from {known.get(role) or repr(role)}" for role in ("model", "item", "score"))


def name_of(source: Any) -> str:
    """What a source is called."""
    if lm_eval.is_results(source):
        return f"lm-eval: {shown_names(list(source['samples']), 5)}"
    if not inspect_log.is_log(source):
        return str(source)
    return str(getattr(source, "location", "") or getattr(source, "name", "") or f"log of {source.eval.task}")


def _raw(one: Any, mapping: Mapping, *, many: bool) -> list[_Raw]:
    """What a reader makes of a file (with its reader), or of a log at hand."""
    if not isinstance(one, tuple):
        return _object(one, mapping)
    path, reader = one
    return [_read_one(path, reader, mapping, many=many)]


@dataclass(frozen=True)
class _Raw:
    """What a reader made of a file or log; ``given`` are the names that the columns of a plain table have in its file."""

    name: str
    table: pl.DataFrame
    notes: Sequence[str]
    mapping: Mapping
    given: Sequence[str] = ()


def _object(log: Any, mapping: Mapping) -> list[_Raw]:
    """The tables of a log that is at hand."""
    asked = replace(mapping, metric=mapping.metric or mapping.columns.get("score"))
    if lm_eval.is_results(log):
        parts = lm_eval.read_results(log, asked)
    elif inspect_log.is_log(log):
        parts = [inspect_log.read_object(log, asked)]
    else:
        raise BadInput(f"{type(log).__name__} is no source. Give paths, logs of Inspect, or the results of lm-eval.")
    own = replace(mapping.without_score(), model=None)
    return [_Raw(name, table, notes, own) for name, table, notes in parts]


def _own_range(mapping: Mapping) -> tuple[float, float] | None:
    if mapping.score_range and mapping.negated and mapping.score_range[0] >= 0:
        # A range is given in the user's own units: that of the loss.
        return -mapping.score_range[1], -mapping.score_range[0]
    return mapping.score_range


def _read_one(path: Path, reader: Reader, mapping: Mapping, *, many: bool) -> _Raw:
    log = reader is not plain
    asked = replace(mapping, metric=mapping.metric or mapping.columns.get("score")) if log else mapping
    try:
        table, notes = reader.read(path, asked)
    except RecursionError:
        raise BadInput(f"{path}: {TOO_DEEP}") from None
    except UnseenError:
        raise
    except UnicodeEncodeError:
        raise BadInput(
            f"{path}: holds half of a character (a lone surrogate, such as \\ud800), which no text may. Write the file "
            "again with whole characters."
        ) from None
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
    ) as error:
        # The readers name what they know to be wrong; whatever else a damaged log holds ends here.
        raise BadInput(
            f"{path}: has the marks of a file of {reader.NAME}, but not its shape ({type(error).__name__}: "
            f"{shown_value(error, 120)}). It may be damaged, or of another version of the tool."
        ) from error
    own = mapping.without_score() if log else mapping
    if log:
        # The reader has put the model there already, under the name that was asked for.
        own = replace(own, model=None)
        return _Raw(str(path), table, notes, own)
    given = table.columns
    if not mapping.model:
        what = "each file" if many else "the file"
        table, said = called(table, path.stem, mapping.roles(table), sure=many, what=what)
        notes = (*notes, *([said] if said else []))
    return _Raw(str(path), table, notes, own, given)


def _finished(
    part: _Raw, mapping: Mapping, anywhere: AnyMapping[str, pl.DataType]
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """A table with our names, checked.

    Columns that were asked for and that only other files have (a passage, where another task has none) are missing in all rows.
    """
    name, notes, own, given = part.name, part.notes, part.mapping, part.given
    options = dict(ROLE_OF.values())
    asked = {c: options[role] for role, c in own.columns.items() if role not in ("model", "item", "score")}
    asked |= dict.fromkeys(own.factors, "--factor")
    lacking = [c for c in asked if c not in part.table.columns]
    if len(anywhere) > part.table.width and (strange := next((c for c in lacking if c not in anywhere), None)):
        raise BadInput(f"{asked[strange]}: {unknown_column(strange, list(anywhere))}")
    table = part.table.with_columns(pl.lit(None, dtype=anywhere[c]).alias(c) for c in lacking if c in anywhere)
    roles = own.roles(table)
    strange = given and not {"model", "item", "score"} & {*roles}
    try:
        table, decided = own.apply(table)
        table = checked(table, _own_range(mapping), given or None)
    except BadInput as error:
        words = in_own_words(str(error), roles) if given else str(error)
        raise BadInput(f"{name}: {words}{' ' + REMEDY if strange else ''}") from None
    return table, (*notes, *decided)


def find(sources: str | Path | Sequence[str | Path], format_: str | None = None) -> list[tuple[Path, Reader]]:
    """The files to read, each with its reader.

    Args:
        sources: Files, folders or globs.
        format_: Name of the reader to use for all, instead of detection.

    Raises:
        BadInput: A source does not exist, nothing in it is known, or a folder mixes formats.
    """
    given = [sources] if isinstance(sources, str | Path) else list(sources)
    if not given:
        raise BadInput("nothing to read: name a file or a folder.")
    if format_ is not None and format_ not in READERS:
        raise BadInput(f"no format {format_!r}; the formats are {', '.join(READERS)}.")
    found: dict[Path, Reader] = {}
    for source in given:
        if not str(source).strip():
            raise BadInput("a source has an empty name (is a variable of the shell not set?). Name a file or a folder.")
        path = _expanded(source)
        if path.is_dir():
            found |= _in_folder(path, format_)
        elif path.exists():
            reader = READERS[format_] if format_ else detect(path)
            if reader is None:
                raise BadInput(_unknown(path))
            found[path] = reader
        else:
            matches = sorted(Path(p) for p in glob.glob(str(path), recursive=True))
            if not matches:
                what = "no file matches this pattern" if glob.has_magic(str(path)) else "no such file or folder"
                raise BadInput(f"{source}: {what}.")
            for match in matches:
                if match.is_dir():
                    found |= _in_folder(match, format_)
                    continue
                reader = READERS[format_] if format_ else detect(match)
                if reader is None and not any(companion(match) for companion in COMPANIONS):
                    raise BadInput(_unknown(match))
                if reader is not None:
                    found[match] = reader
    return list(found.items())


def _expanded(source: str | Path) -> Path:
    """A path with the user's home in the place of ``~``; a user whom nobody knows is a name like any other."""
    try:
        return Path(source).expanduser()
    except RuntimeError:
        return Path(source)


def detect(path: Path) -> Reader | None:
    """The reader whose format a file has, by its content; None where there is none.

    Raises:
        BadInput: The file can't be opened, is empty, or is of a kind that is refused (a pickle).
    """
    seen = peek(path)
    if seen.kind == "empty":
        raise BadInput(f"{path}: the file is empty. Was the evaluation stopped before it wrote anything?")
    if seen.refusal:
        raise BadInput(f"{path}: {seen.refusal}")
    if told := _report(path):
        raise BadInput(f"{path}: {told}")
    if any(companion(path) for companion in COMPANIONS):
        return None
    if seen.kind == "zip":
        _refuse_archive(path)
    return next((reader for reader in READERS.values() if reader.sniff(path)), None)


def _refuse_archive(path: Path) -> None:
    from unseen.responses.readers._archive import Archive

    with Archive(path) as archive:
        if any(n.endswith("data.pkl") for n in archive.names):
            raise BadInput(f"{path}: is a saved model (a zip that holds a pickle), not a log; it is not opened.")
        if any(n.startswith(("xl/", "word/")) for n in archive.names):
            raise BadInput(f"{path}: is an Office file. Export the sheet as CSV.")


def _in_folder(folder: Path, format_: str | None) -> dict[Path, Reader]:
    """The logs of a folder and its folders; files that are no data at all are passed over, data of no known form are told."""
    known: dict[Path, Reader] = {}
    unknown: list[tuple[Path, str]] = []
    documents: list[Path] = []
    files = sorted(
        p
        for p in folder.rglob("*")
        if p.is_file() and not any(part.startswith(".") for part in p.relative_to(folder).parts)
    )
    for path in files:
        try:
            reader = READERS[format_] if format_ else detect(path)
        except BadInput as error:
            unknown.append((path, str(error)))
            continue
        if reader is not None:
            known[path] = reader
        elif not any(companion(path) for companion in COMPANIONS):
            if peek(path).kind == "text":
                documents.append(path)
            else:
                unknown.append((path, ""))
    if not files:
        raise BadInput(f"{folder}: the folder is empty.")
    if unknown or not known:
        raise BadInput(f"{folder}: {_unread(folder, unknown, [] if known else documents, some=bool(known))}")
    kinds: defaultdict[str, list[Path]] = defaultdict(list)
    for path, reader in known.items():
        kinds[reader.NAME].append(path)
    if len(kinds) > 1:
        parts = "; ".join(f"{name}: {_named(paths, folder)}" for name, paths in kinds.items())
        raise BadInput(f"{folder}: holds logs of {len(kinds)} formats ({parts}). Name the files to read, or a pattern.")
    return known


def _unread(folder: Path, refused: Sequence[tuple[Path, str]], documents: Sequence[Path], *, some: bool) -> str:
    """What of a folder can't be read: each file with its own reason, those of no known format together."""
    strange = [p for p, reason in refused if not reason] + [*documents]
    told = [(p.relative_to(folder), reason.removeprefix(f"{p}: ")) for p, reason in refused if reason]
    parts = [f"{name}: {reason}" for name, reason in told[:3]]
    if len(told) > 3:
        parts.append(f"And {len(told) - 3:,} more files that can't be read: {_named([p for p, _ in told[3:]])}.")
    remedy = "Name the logs themselves, as files or a pattern."
    if not strange:
        return (
            f"{' '.join(parts)} {'Leave it out, or name' if len(told) == 1 else 'Leave them out, or name'}{remedy[4:]}"
        )
    what = "files of no known format" if some or told else f"{len(strange)} files, none of a known format"
    parts.insert(0, f"holds {what}: {_named(strange, folder)}.")
    return f"{' '.join(parts)} {remedy} {FORMATS}{'' if some else ' ' + REMEDY}"


def _report(path: Path) -> str:
    """What to do with a report of ours that is given as a log; "" where it is none."""
    if path.suffix.lower() not in (".json", ".html", ".htm"):
        return ""
    with path.open("rb") as file:
        head = file.read(8192).decode("utf-8", "replace")
    page = path.suffix.lower() != ".json"
    if not (REPORT_PAGE.search(head) if page else '"unseen_version"' in head):
        return ""
    baseline = "as a baseline take the JSON report of that audit" if page else f"compare with it: --baseline {path}"
    return f"is a report of unseen, not a log. Look at it: unseen view {path}; {baseline}; audit the logs themselves."


def _unknown(path: Path) -> str:
    seen = peek(path)
    if any(companion(path) for companion in COMPANIONS):
        return f"{path}: belongs to a log, but holds no answers itself. Name its folder, or the file with the samples."
    keys = f" with the keys {shown_names(sorted(seen.keys), 8)}" if seen.keys else ""
    return f"{path}: {seen.kind.replace('-', ' ')}{keys} is no format that is known. {FORMATS} {REMEDY}"


def _named(paths: Sequence[Path], folder: Path | None = None, limit: int = 5) -> str:
    alike = len({p.name for p in paths}) < len(paths)
    names = [str(p.relative_to(folder)) if folder else f"{p.parent.name}/{p.name}" if alike else p.name for p in paths]
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")


def read_examples(path: str | Path) -> pl.DataFrame:
    """Read training examples: any plain table, or a text with one example a line (column ``input``).

    Raises:
        BadInput: The file is missing, empty or no table.
    """
    path = _expanded(path)
    if not path.is_file():
        raise BadInput(f"{path}: no such file.")
    seen = peek(path)
    if seen.kind == "empty":
        raise BadInput(f"{path}: the file is empty.")
    if seen.refusal:
        raise BadInput(f"{path}: {seen.refusal}")
    if not plain.sniff(path) and seen.kind not in ("json-object", "text"):
        raise BadInput(_unknown(path))
    if seen.kind == "text" and plain.separator(seen.text) is None:
        lines = [line for line in text_of(path).splitlines() if line.strip()]
        return pl.DataFrame({"input": lines})
    table = plain.load(path, Mapping(), [])
    if table.height == 0:
        raise BadInput(f"{path}: has columns ({', '.join(table.columns[:10])}) but no row.")
    return table


__all__ = ["columns_of", "detect", "find", "is_source", "name_of", "read", "read_examples"]
