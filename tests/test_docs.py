"""What holds the documentation to its word: examples that fail are errors, and the README's picture knows what it shows."""

import importlib.util
import json
import os
import re
import struct
import subprocess
import sys
import types
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


def test_the_readme_counts_the_verdicts_that_stand():
    counts = part("counts")
    assert counts.told_in_readme() == counts.told_now(), "write them anew with `make counts`"


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


def in_a_process_of_its_own(code, tmp_path):
    """What a program prints that knows the parts of the documentation; copies are made of it, not of the process of the tests."""
    head = f"import json, sys\nsys.path.insert(0, {str(PARTS)!r})\nimport ahead, executed\nfrom pathlib import Path\nexecuted.KEPT = Path({str(tmp_path)!r})\nexecuted.source_stamp = lambda: 'stamp'\n"
    done = subprocess.run([sys.executable, "-c", head + code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_examples_of_a_page_are_found_as_its_reading_finds_them():
    code = "print(json.dumps(list(ahead.examples(sys.stdin.read(), Path(ahead.__file__).parents[1]))))"
    page = (
        "```{literalinclude} own_claim.py\n:language: py\n```\n\n````{dropdown} More\n```run\nls\n```\n````\n\n```py\nrun = 1\n```\n\n"
        "```python\na = 1\n```\n\n```printed\n```\n\n1. One\n\n   ```python\n   if a:\n       print(a)\n   ```\n\n"
        "```{literalinclude} own_claim.py\n:language: python\n:start-at: import numpy\n```\n"
    )
    included = (PARTS.parent / "own_claim.py").read_text(encoding="utf-8").rstrip()
    scripts = ["a = 1", "if a:\n    print(a)", included[included.index("import numpy") :]]
    done = subprocess.run(
        [sys.executable, "-c", f"import json, sys\nsys.path.insert(0, {str(PARTS)!r})\nimport ahead\nfrom pathlib import Path\n{code}"],
        input=page, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == [
        ["console", "ls"],
        ["python", "a = 1"],
        ["python", "\n\f\n".join(scripts)],
    ]


def test_a_copy_does_what_a_program_does_that_is_started_anew(tmp_path):
    programs = {
        "words": "import sys, os\nprint(sys.argv[1:], os.getcwd(), os.environ['COLUMNS'], __name__)\nprint('to errors', file=sys.stderr)",
        "code": "import sys\nsys.exit(3)",
        "sentence": "import sys\nsys.exit('no such thing')",
        "nothing": "import sys\nsys.exit()",
        "at the end": "import atexit, threading\natexit.register(print, 'last')\nthreading.Thread(target=lambda: print('thread')).start()",
        "killed": "import os\nos.kill(os.getpid(), 9)",
    }
    code = (
        f"programs = {programs!r}\n"
        f"both = [[list(run(['-c', text, 'a', 'b'], {str(tmp_path)!r})) for text in programs.values()] for run in (executed.cold, ahead.warm)]\n"
        "print(json.dumps(both))"
    )
    cold, warm = in_a_process_of_its_own(code, tmp_path)
    assert dict(zip(programs, warm, strict=True)) == dict(zip(programs, cold, strict=True))
    assert cold[2] == [1, "", "no such thing\n"]


def test_a_copy_runs_scripts_and_says_where_they_raised(tmp_path):
    (tmp_path / "example.py").write_text("import sys\nprint(sys.argv, __file__)\n1 / 0\n")
    code = f"print(json.dumps([run(['example.py'], {str(tmp_path)!r}) for run in (executed.cold, ahead.warm)]))"
    cold, warm = in_a_process_of_its_own(code, tmp_path)
    assert cold[:2] == warm[:2]
    assert warm[2].splitlines()[-1] == cold[2].splitlines()[-1] == "ZeroDivisionError: division by zero"


def test_a_copy_that_takes_too_long_is_ended(tmp_path):
    code = (
        "import subprocess\nexecuted.LIMIT = 0.5\n"
        f"try:\n    ahead.warm(['-c', 'import time; time.sleep(60)'], {str(tmp_path)!r})\n"
        "except subprocess.TimeoutExpired as error:\n    print(json.dumps(error.timeout))"
    )
    assert in_a_process_of_its_own(code, tmp_path) == 0.5


def test_a_block_that_another_process_runs_is_waited_for_and_run_once(tmp_path):
    runs = tmp_path / "runs"
    code = (
        "import os, time\n"
        f"def run(block):\n    open({str(runs)!r}, 'a').write('x')\n    time.sleep(0.5)\n    return block\n"
        "def one():\n    assert executed.kept('kind', 'block', run) == 'block'\n"
        "copies = [ahead.Copy(one) for _ in range(3)]\nprint(json.dumps([copy.wait() for copy in copies]))"
    )
    assert in_a_process_of_its_own(code, tmp_path) == [0, 0, 0]
    assert runs.read_text() == "x"


def test_cells_are_run_by_a_copy_and_kept_where_mystnb_looks(tmp_path):
    pytest.importorskip("myst_nb")
    page = "---\nfile_format: mystnb\nkernelspec:\n  name: python3\n---\n\n# Page\n\n```{code-cell}\nimport os\nprint(os.cpu_count())\n6 * 7\n```\n"
    code = (
        f"page = {page!r}\nexecuted.CELLS = Path({str(tmp_path / 'cells')!r})\nahead.cells(page)\n"
        "from jupyter_cache import get_cache\nfrom myst_nb.core.read import read_myst_markdown_notebook\nfrom myst_parser.config.main import MdParserConfig\n"
        "read = read_myst_markdown_notebook(page, MdParserConfig())\n"
        "_, found = get_cache(str(executed.CELLS / executed.source_stamp())).merge_match_into_notebook(read)\n"
        "print(json.dumps(found.cells[-1].outputs))"
    )
    printed, value = in_a_process_of_its_own(code, tmp_path)
    assert printed["text"] == "1\n"
    assert value["data"]["text/plain"] == "42"


NAVIGATION = """<ul class="current nav bd-sidenav"><li class="toctree-l1"><a class="reference internal" href="a.html">A &amp; b &lt;c&gt;</a></li>
<li class="toctree-l1 has-children"><a class="reference internal" href="b.html">B</a><details><summary>x</summary><ul>
<li class="toctree-l2"><a class="reference internal" href="c.html">C</a></li><li class="toctree-l2"><a class="reference internal" href="a.html">A again</a></li></ul></details></li>
<li class="toctree-l1 current active has-children"><a class="current reference internal" href="#" aria-current="page">D</a><details open="open"><summary>x</summary>
<ul><li class="toctree-l2"><a class="reference internal" href="e.html">E</a></li></ul></details></li></ul>"""


@pytest.mark.parametrize("pages", ["dabcedab", "cdaebd", "ee"])
def test_the_navigation_is_the_one_that_the_theme_writes(pages):
    bs4, toctree = pytest.importorskip("bs4"), pytest.importorskip("pydata_sphinx_theme.toctree")
    of_theme, quick = toctree._patch_cached_sidebar, part("quick")

    class Builder:
        @staticmethod
        def get_target_uri(page):
            return f"folder/{page}.html"

        @staticmethod
        def get_relative_uri(page, other):
            return "" if page == other else f"{other}.html"

    def app():
        made = types.SimpleNamespace(builder=Builder())
        made._pst_sidebar_toctree_cache = {"key": ["d", bs4.BeautifulSoup(NAVIGATION, "html.parser")]}
        return made

    ours, theirs = app(), app()
    for page in pages:
        assert quick.navigation(ours, "key", page, 1) == of_theme(theirs, "key", page, 1)
    assert quick.navigation(ours, "key", "none", 1) is None


def test_names_are_found_as_sphinx_finds_them():
    pytest.importorskip("sphinx")
    quick = part("quick")
    entry = types.SimpleNamespace(objtype="class", docname="page")

    objects = {"unseen.Audit": entry, "unseen.api.Audit": entry, "unseen.checks.Found": entry}
    domain = types.SimpleNamespace(objects=objects, object_types={"class": None}, objtypes_for_role=lambda _: ["class"])
    for name in ("Audit", "api.Audit", "unseen.Audit", "Found", "int", "np.ndarray", "Found()", "", "checks.Audit"):
        for module in ("unseen", "unseen.checks", None):
            for mode in (0, 1):
                asked = (domain, None, module, None, name, "class", mode)
                assert quick.find_known(*asked) == quick.find_obj(*asked)


@pytest.mark.skipif(os.name == "nt", reason="copies of a process are made by fork")
def test_examples_are_waited_for_whatever_program_is_started_beside_them():
    # A program that is started reaps all copies that were let go unwaited for.
    told = """
import subprocess, sys, time
import ahead
ahead.jobs = lambda: [("console", str(i)) for i in range(4)]
ahead.load = lambda kind: (time.sleep(0.2), subprocess.run([sys.executable, "-c", ""]))
ahead.run = lambda kind, text: print(text, flush=True)
ahead.main(2)
"""
    made = subprocess.run([sys.executable, "-c", told], cwd=PARTS, capture_output=True, text=True, check=False)
    assert (made.returncode, sorted(made.stdout.split())) == (0, list("0123")), made.stderr
