"""The data type of local models: quick on the processor at hand, and small enough for its memory."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unseen.cli import models
from unseen.learners.language import named, processor
from unseen.learners.language.processor import usual_dtype

Machine = Callable[..., None]
OLD = "processor\t: 0\nflags\t\t: fpu sse2 avx avx2 fma\n"
NEW = "processor\t: 0\nflags\t\t: fpu sse2 avx2 avx512f avx512_bf16 amx_tile\n"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine by its flags, with a GPU or without, and a memory in bytes."""

    def made(flags: str, *, gpu: bool = False, memory: int = 16 << 30, architecture: str = "x86_64") -> None:
        (info := tmp_path / "cpuinfo").write_text(flags)
        (device := tmp_path / "nvidia0").unlink(missing_ok=True)
        if gpu:
            device.touch()
        monkeypatch.setattr(processor.cpuinfo, "PLACE", info)
        monkeypatch.setattr(processor, "DEVICES", (device,))
        monkeypatch.setattr(platform, "machine", lambda: architecture)
        monkeypatch.setattr(processor.os, "sysconf", lambda name: 4096 if name == "SC_PAGE_SIZE" else memory // 4096)

    return made


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    return path


def test_a_processor_without_bfloat16_computes_in_float32(machine: Machine, gguf: Path) -> None:
    machine(OLD)
    assert usual_dtype(gguf) == "float32"


@pytest.mark.parametrize(
    "other", [{"flags": NEW}, {"flags": OLD, "gpu": True}, {"flags": OLD, "architecture": "arm64"}]
)
def test_other_machines_compute_in_bfloat16(machine: Machine, gguf: Path, other: dict[str, Any]) -> None:
    machine(**other)
    assert usual_dtype(gguf) == "bfloat16"


def test_a_model_that_would_fill_half_of_the_memory_stays_in_bfloat16(machine: Machine, gguf: Path) -> None:
    machine(OLD, memory=(16 << 30) - 4096)
    assert usual_dtype(gguf) == "bfloat16"


def test_a_folder_grows_by_two(machine: Machine, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    with (folder / "model.safetensors").open("wb") as file:
        file.truncate(1 << 30)
    machine(OLD, memory=4 << 30)
    assert usual_dtype(folder) == "float32"
    machine(OLD, memory=(4 << 30) - 4096)
    assert usual_dtype(folder) == "bfloat16"


def test_no_file_of_flags_means_bfloat16(
    machine: Machine, gguf: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine(OLD)
    monkeypatch.setattr(processor.cpuinfo, "PLACE", tmp_path / "none")
    assert usual_dtype(gguf) == "bfloat16"


def test_the_command_line_takes_it_unless_a_type_is_named(
    machine: Machine, gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(OLD)
    asked: list[dict[str, object]] = []
    monkeypatch.setattr(named, "language_model", lambda name, **settings: asked.append(settings))
    models.opened(str(gguf))
    models.opened(str(gguf), dtype="bfloat16")
    models.opened("openai:small@http://127.0.0.1:1/v1")
    assert [settings.get("dtype") for settings in asked] == ["float32", "bfloat16", None]
