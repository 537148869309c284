"""Multiple-choice items of BIG-bench, from JSON files that the user has, as a task with factors."""

from __future__ import annotations

import json
import re
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from string import ascii_uppercase
from typing import IO, Any, ClassVar, cast

from unseen.errors import BadInput
from unseen.factors import Kind
from unseen.tasks.answers import text_of
from unseen.tasks.base import Example, Finite, content_id, near, of_text
from unseen.tasks.draws import Draws

PREFIX = "bigbench:"
FILE = "task.json"
# No file of the benchmark is larger; what an archive holds beyond its tasks is passed over, and never written anywhere.
LARGEST, MOST_BYTES, MOST_FILES = 64 * 2**20, 512 * 2**20, 5_000
# "A:" or "Answer:" at the end asks for nothing that the options do not.
_LABEL = re.compile(r"\n\s*(?:A|Answer|Output)\s*[:：]\s*$", re.IGNORECASE)
_LETTER = re.compile(r"\(?([a-z])[).:]?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Choice:
    """One item: what is asked, its options as they stand in the file, and the right one.

    Attributes:
        task: Its task, with the part where there are some: ``causal_judgment``, ``logical_deduction/three_objects``.
        keywords: What the task says that it is about.
        question: The text, without options.
        options: Texts of the options.
        right: Place of the right one.
    """

    task: str
    keywords: tuple[str, ...]
    question: str
    options: tuple[str, ...]
    right: int


class BigBench(Finite):
    """Multiple-choice items of BIG-bench: one right option, lettered in an order that is drawn by the item.

    Of a file ``task.json``, of a folder that holds such files, or of the source archive of the package. Items with no or several
    best options, with more than 26, or with options that are the same but for spaces are left out; ``left`` counts them.

    Args:
        path: File, folder or ``.tar.gz`` archive.
        tasks: Names of tasks to take; all where none is named.

    Raises:
        BadInput: There is no such file, it holds no task, or none of these names.
    """

    name = "bigbench"
    title = "Multiple-choice items of BIG-bench"
    source = "Srivastava et al. (2023), Beyond the Imitation Game, appendix on the JSON format; the items are those of the file"
    separator = "\n"
    factor_kinds: ClassVar[Mapping[str, Kind]] = {
        "task": "categorical",
        "family": "categorical",
        "keywords": "set",
        "choices": "ordered",
        "words": "ordered",
    }
    options: ClassVar[Mapping[str, Any]] = {"choices": (2, 26), "words": (1, 1_000_000)}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"choices": (2, 26), "words": (1, 1_000_000)}

    def __init__(self, path: str | Path, tasks: str | Sequence[str] = ()) -> None:
        super().__init__()
        wanted = (tasks,) if isinstance(tasks, str) else tuple(tasks)
        self.left: Counter[str] = Counter()
        self.items: list[Choice] = []
        names: list[str] = []
        for task, text in _files(Path(path), wanted, names):
            self.items += _items(task, text, self.left)
        self.items = list({(i.task, i.question, i.options): i for i in self.items}.values())
        missing = next((w for w in wanted if not any(_is(task, w) for task in names)), None)
        if missing is not None:
            raise BadInput(f"{path} has no task {missing!r}{near(missing, [t.split('/')[0] for t in names])}.")
        if not self.items:
            told = "; ".join(f"{n:,} with {why}" for why, n in self.left.items()) or f"no {FILE} with examples"
            raise BadInput(
                f"{path} has no multiple-choice item of BIG-bench{' under ' + ', '.join(wanted) if wanted else ''} ({told})."
            )
        self.size = len(self.items)
        self.name = f"{PREFIX}{path}"  # type: ignore[misc]
        self.title = (  # type: ignore[misc]
            f"{self.size:,} multiple-choice items of {len({i.task for i in self.items})} tasks of BIG-bench"
        )

    def at(self, index: int) -> Example:
        """Item number ``index``, in the order of files and of examples."""
        item = self.items[index]
        order = Draws(f"bigbench:{content_id(item.task, item.question, item.options)}").pick(
            range(len(item.options)), len(item.options)
        )
        lines = [f"{letter}. {item.options[i]}" for letter, i in zip(ascii_uppercase, order, strict=False)]
        factors = {
            "task": item.task,
            "family": item.task.split("/")[0],
            "keywords": sorted(item.keywords),
            "choices": len(item.options),
            "words": max(1, len(item.question.split())),
        }
        letter = ascii_uppercase[order.index(item.right)]
        example = of_text("\n".join([item.question, *lines]), letter, factors, {"option": item.options[item.right]})
        return Example(
            content_id(item.task, example.item), example.input, example.target, example.factors, example.hidden
        )

    def verify(self, example: Example, answer: object) -> float:
        """1 for the letter of the right option, or its text and nothing else."""
        text = " ".join(text_of(answer).split())
        letter = _LETTER.fullmatch(text.removesuffix("."))
        if letter is not None:
            return float(letter[1].upper() == example.target)
        return float(text.casefold() == str(example.hidden["option"]).casefold())


def _is(task: str, wanted: str) -> bool:
    return task == wanted or task.split("/")[0] == wanted


def _named(path: PurePosixPath) -> str:
    """The task of a file: the folders below ``benchmark_tasks``, else the last one."""
    parts = list(path.parts[:-1])
    if "benchmark_tasks" in parts:
        return "/".join(parts[parts.index("benchmark_tasks") + 1 :])
    return parts[-1] if parts else path.stem


def _files(path: Path, wanted: Sequence[str], names: list[str]) -> Iterator[tuple[str, bytes]]:
    """Tasks that are wanted with the bytes of their files; all names that were met are added to ``names``."""
    if not path.exists():
        raise BadInput(f"{path}: there is no such file or folder. BIG-bench tasks are files called {FILE}.")
    if path.is_dir():
        found = [path / FILE] if (path / FILE).is_file() else []
        found += sorted(p for p in path.rglob(FILE) if p != path / FILE)
        total = 0
        for file in found[:MOST_FILES]:
            whole, below = PurePosixPath(file.resolve().as_posix()), file.relative_to(path).parts[:-1]
            task = _named(whole) if "benchmark_tasks" in whole.parts else "/".join(below) or path.resolve().name
            names.append(task)
            if not wanted or any(_is(task, w) for w in wanted):
                with file.open("rb") as stream:
                    text = _bytes(stream, str(file))
                total = _counted(total, len(text), path)
                yield task, text
    elif tarfile.is_tarfile(path):
        yield from _members(path, wanted, names)
    else:
        with path.open("rb") as stream:
            names.append(_named(PurePosixPath(path.resolve().as_posix())))
            yield names[-1], _bytes(stream, str(path))


def _members(path: Path, wanted: Sequence[str], names: list[str]) -> Iterator[tuple[str, bytes]]:
    total = count = 0
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                name = PurePosixPath(member.name)
                if not member.isfile() or name.name != FILE:
                    continue
                names.append(_named(name))
                if wanted and not any(_is(names[-1], w) for w in wanted):
                    continue
                stream = archive.extractfile(member)
                if stream is None:
                    continue
                text, count = _bytes(stream, f"{path}:{name}"), count + 1
                total = _counted(total, len(text), path)
                if count > MOST_FILES:
                    raise BadInput(
                        f"{path} holds more than {MOST_FILES:,} tasks. Name some of them (--setting tasks=NAME,NAME)."
                    )
                yield names[-1], text
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BadInput(f"{path} can't be read as an archive: {error}.") from None


def _bytes(stream: IO[bytes], name: str) -> bytes:
    text = stream.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise BadInput(f"{name} is larger than {LARGEST // 2**20} MiB, which no file of BIG-bench is.")
    return text


def _counted(total: int, more: int, path: Path) -> int:
    if total + more > MOST_BYTES:
        raise BadInput(
            f"{path} holds more than {MOST_BYTES // 2**20} MiB of tasks. Name some of them (--setting tasks=NAME,NAME)."
        )
    return total + more


def _items(task: str, text: bytes, left: Counter[str]) -> Iterator[Choice]:
    """Multiple-choice items of a file."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"the file of task {task!r} is no JSON: {error}.") from None
    if not isinstance(found, dict):
        raise BadInput(f"the file of task {task!r} holds no object with examples, but {type(found).__name__}.")
    # A task of several parts has a file of its own without examples.
    given = cast("dict[str, Any]", found)
    keywords = tuple(str(k) for k in cast("Sequence[object]", given.get("keywords") or ()))
    before = f"{_said(given, 'task_prefix')}{_said(given, 'example_input_prefix')}"
    after = _said(given, "example_output_prefix")
    for example in cast("Sequence[Any]", given.get("examples") or ()):
        scores = cast("dict[str, Any]", example).get("target_scores") if isinstance(example, dict) else None
        if not isinstance(scores, dict) or not scores:
            left["no options"] += 1
            continue
        told = cast("dict[str, Any]", scores)
        options = [" ".join(str(o).split()) for o in told]
        values = [v if isinstance(v, int | float) and v == v else None for v in told.values()]
        numbers = [v for v in values if v is not None]
        question = _LABEL.sub("", f"{before}{cast('dict[str, Any]', example).get('input', '')}{after}").strip()
        why = (
            "scores that are no numbers" if len(numbers) < len(values)
            else "fewer than two options" if len(options) < 2
            else "more than 26 options" if len(options) > len(ascii_uppercase)
            else "no single best option" if numbers.count(max(numbers)) != 1
            else "options that are empty or the same" if "" in options or len({o.casefold() for o in options}) < len(options)
            else "" if question else "no question"
        )  # fmt: skip
        if why:
            left[why] += 1
        else:
            yield Choice(task, keywords, question, tuple(options), numbers.index(max(numbers)))


def _said(given: Mapping[str, Any], key: str) -> str:
    value = given.get(key)
    return value if isinstance(value, str) else ""
