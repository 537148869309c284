"""Finding tasks by name."""

from __future__ import annotations

import pytest

from unseen import tasks
from unseen.errors import BadInput
from unseen.tasks import registry


def test_a_mistyped_name_gets_near_names():
    with pytest.raises(BadInput, match=r"no task 'parity-chek' \(did you mean 'parity-check'"):
        tasks.load("parity-chek")


def test_a_broken_module_hides_no_other(monkeypatch):
    real = registry.importlib.import_module

    def fake(name, *rest):
        if name == "unseen.tasks.strings.programs":
            raise SyntaxError("half written")
        return real(name, *rest)

    registry._found.cache_clear()
    monkeypatch.setattr(registry.importlib, "import_module", fake)
    try:
        assert tasks.load("parity-check").draw(1).target
        assert "half written" in tasks.broken()["unseen.tasks.strings.programs"]
        with pytest.raises(BadInput, match=r"Not readable: unseen\.tasks\.strings\.programs"):
            tasks.load("register-program")
    finally:
        registry._found.cache_clear()


def test_families_are_told():
    assert tasks.family("knights-knaves") == "logic"
