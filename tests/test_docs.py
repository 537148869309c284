"""What holds the documentation to its word: examples that fail are errors, and the README's picture knows what it shows."""

import importlib.util
import re
import struct
import sys
from pathlib import Path

import pytest

PARTS = Path(__file__).parents[1] / "docs" / "_ext"


def part(name):
    spec = importlib.util.spec_from_file_location(f"docs_{name}", PARTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def executed(tmp_path, monkeypatch):
    module = part("executed")
    monkeypatch.setattr(module, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(module, "source_stamp", lambda: "stamp")
    return module


def test_a_command_that_fails_is_an_error_and_one_that_should_fail_must(executed):
    with pytest.raises(executed.Failed, match=r"`unseen explain U999` ended with 2, not 0"):
        executed.console("unseen explain U999")
    with pytest.raises(executed.Failed, match=r"ended with 0, not 1"):
        executed.console("ls lm-eval-logs  # exit 1")
    assert executed.console("unseen explain U999  # exit 2").endswith("$ echo $?\n2")


def test_a_script_that_raises_is_an_error_and_what_it_printed_is_kept(executed):
    with pytest.raises(executed.Failed, match=r"ZeroDivisionError"):
        executed.python("1 / 0")
    assert executed.python("print(frame.height > 0)") == "True\n"
    executed._python = None  # the second time nothing runs
    assert executed.python("print(frame.height > 0)") == "True\n"


def test_only_harmless_commands_are_run(executed):
    with pytest.raises(executed.Failed, match=r"only unseen, cat and ls are run"):
        executed.console("rm -rf lm-eval-logs")


def test_a_picture_carries_what_it_shows(tmp_path):
    picture = part("picture")
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + bytes(13) + bytes(4)
    end = struct.pack(">I", 0) + b"IEND" + bytes(4)
    path = tmp_path / "p.png"
    path.write_bytes(header + end)
    assert picture.shown_in(path) == ""
    path.write_bytes(picture.stamped(header + end, "abc"))
    assert picture.shown_in(path) == "abc"
    assert picture.shown_in(), "the README's picture carries a stamp"


def test_pages_of_checks_and_options_come_from_the_code():
    generated = part("generated")
    from unseen.api import explain

    pages = generated.checks()
    assert {f"checks/{page.code}" for page in explain()} == set(pages) - {"checks/index"}
    assert "--gap-that-matters" in generated.command_line()["reference/cli"]
    assert "`gap_that_matters`" in generated.configuration()["reference/config"]


def test_our_pages_keep_to_the_style_and_what_breaks_it_is_named_with_its_line():
    prose = part("prose")
    page = 'It holds.\n```\nvery\n```\nA `very` "powerful" tool.\nSimply generalize the the rule!\n'
    assert [(s.split(": ")[0], s.split(": ")[1]) for s in prose.found(page, "page.md")] == [
        ("page.md:6", "'Simply'"), ("page.md:6", "'generalize'"), ("page.md:6", "'!'"), ("page.md:6", "'the the'"),
    ]  # fmt: skip
    assert not list(prose.found("Simply so. <!-- style: a title -->", "page.md"))
    broken = [s for page in prose.pages() for s in prose.found(page.read_text(encoding="utf-8"), page.name)]
    assert broken == []


def test_the_readme_names_every_check_and_no_other():
    from unseen.checks.registry import all_checks

    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    table = readme.partition("## What it answers")[2].partition("## ")[0]
    named = set()
    for first, last in re.findall(r"\bU(\d{3})(?:–U(\d{3}))?", table):
        named |= {f"U{k:03}" for k in range(int(first), int(last or first) + 1)}
    assert set(all_checks()) <= named
    # Within a range a number may be free; its ends are not.
    assert {f"U{end}" for ends in re.findall(r"\bU(\d{3})(?:–U(\d{3}))?", table) for end in ends if end} <= set(
        all_checks()
    )
