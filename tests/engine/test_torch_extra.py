"""Without torch every door that leads to it names the extra; torch is blocked in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Block())
"""
WALK = """
import ast, importlib, pkgutil, unseen
from pathlib import Path
from unseen.errors import MissingExtra
found = {}
for module in pkgutil.walk_packages(unseen.__path__, "unseen."):
    try:
        importlib.import_module(module.name)
        found[module.name] = "there"
    except MissingExtra as error:
        found[module.name] = str(error)
    except ModuleNotFoundError as error:
        found[module.name] = f"raw: {error}"
print(found)
"""
EXTRA = "needs the extra 'torch', which is not installed. Run: pip install 'unseen[torch]' (in a checkout: pip install '.[torch]')"


def blocked(code: str, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BLOCK + code, *arguments], capture_output=True, text=True, cwd=folder, timeout=120
    )


def command(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return blocked("from unseen.cli import main\nsys.exit(main())", *arguments, folder=folder)


@pytest.fixture(scope="module")
def walked() -> dict[str, str]:
    made = blocked(WALK)
    assert made.returncode == 0, made.stderr
    return __import__("ast").literal_eval(made.stdout)


def test_no_module_stops_at_torch_without_naming_the_extra(walked):
    assert {name: why for name, why in walked.items() if why.startswith("raw") and "torch" in why} == {}


def test_modules_that_import_torch_name_themselves_and_the_extra(walked):
    import unseen

    root = Path(unseen.__file__).parent
    direct = [
        ".".join(["unseen", *path.relative_to(root).with_suffix("").parts])
        for path in root.rglob("*.py")
        if any(
            line.startswith(("import torch", "from torch")) for line in path.read_text(encoding="utf-8").splitlines()
        )
    ]
    assert len(direct) > 30
    for name in direct:
        # A file that needs torch only by way of another module of ours names that one.
        assert walked[name].startswith("unseen.")
        assert walked[name].endswith(EXTRA)
    assert walked["unseen.learners.architectures.mlp"] == f"unseen.learners.architectures.mlp {EXTRA}"


def test_what_needs_no_torch_is_there_without_it(walked):
    for name in (
        "unseen.api", "unseen.cli.app", "unseen.training.config", "unseen.training.vocabulary", "unseen.adaptation.t3a",
        "unseen.learners.architectures.automata", "unseen.atlas.ledger", "unseen.tasks.registry",
    ):  # fmt: skip
        assert walked[name] == "there"


@pytest.mark.parametrize("slug", ["chomsky-hierarchy", "only-if", "rasp-length-gen"])
def test_running_a_study_of_torch_models_names_the_extra_and_exits_with_2(slug):
    made = command("atlas", "run", slug, "--quick")
    assert (made.returncode, made.stderr) == (2, f"unseen: the study '{slug}' {EXTRA}\n")


def test_a_study_that_needs_torch_only_when_it_runs_names_the_extra():
    code = (
        "from unseen.engine.executors import Job, run_jobs\n"
        "def late():\n    import torch.nn\n"
        "try:\n    run_jobs(late, [Job('late, seed 0', {})], executor='serial')\n"
        "except Exception as error:\n    print(type(error).__name__, error)"
    )
    assert blocked(code).stdout == f"JobFailed late, seed 0 {EXTRA}\n"


@pytest.mark.parametrize(
    "text",
    [
        "from torch import nn\n\ndef make(inputs, outputs):\n    return nn.Linear(inputs, outputs)\n",
        "from unseen.learners.architectures.mlp import MLP\n\ndef make(inputs, outputs):\n    return MLP([inputs, outputs])\n",
    ],
    ids=["torch", "ours"],
)
def test_auditing_a_torch_learner_names_the_extra_and_exits_with_2(text, tmp_path):
    (tmp_path / "mine.py").write_text(text)
    rows = "\n".join(f"{i},{i % 7},{i % 2}" for i in range(60))
    (tmp_path / "table.csv").write_text(f"a,b,y\n{rows}\n")
    made = command(
        "audit", "table.csv", "--target", "y", "--learner", "mine:make", "--shift", "random", folder=tmp_path
    )
    assert (made.returncode, made.stderr) == (2, f"unseen: --learner mine:make {EXTRA}\n")


def test_a_missing_package_of_another_name_is_still_a_wrong_module(tmp_path):
    (tmp_path / "mine.py").write_text("import torchvision_of_mine\n")
    (tmp_path / "table.csv").write_text("a,b,y\n" + "\n".join(f"{i},{i % 7},{i % 2}" for i in range(60)))
    made = command(
        "audit", "table.csv", "--target", "y", "--learner", "mine:make", "--shift", "random", folder=tmp_path
    )
    assert made.returncode == 2
    assert "there is no module 'torchvision_of_mine' here" in made.stderr
    assert "extra" not in made.stderr


def test_with_torch_imports_are_left_alone():
    pytest.importorskip("torch")
    code = "import sys, unseen.training, unseen.learners.architectures.mlp, unseen.atlas as a; print(len([f for f in sys.meta_path if 'unseen' in type(f).__module__]))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "0\n"
