"""A learner from what a user names: one of ours, ``module:object``, a scikit-learn estimator, a torch module."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unseen.engine.torch_extra import lacks_torch
from unseen.errors import BadInput, MissingExtra
from unseen.learners import NAMES, EstimatorLearner, named

PICKLES = (".pkl", ".pickle", ".joblib", ".skops", ".pt", ".pth")


@dataclass(frozen=True)
class Spec:
    """A learner as plain data, so that a refit can be hashed, sent to a worker and resumed.

    Attributes:
        name: How it is called in tables.
        source: One of our names, or ``module:object``.
        folder: Where the module is looked for.
        code: Hash of the module's source: an edited learner is another learner.
        settings: Parameters set on the estimator.
        regression: For a numeric target.
    """

    name: str
    source: str
    folder: str = ""
    code: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    regression: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "name": self.name, "source": self.source, "folder": self.folder, "code": self.code,
            "settings": dict(self.settings), "regression": self.regression,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Spec:
        """The inverse of ``to_dict``."""
        return cls(**data)

    def with_settings(self, name: str, **settings: Any) -> Spec:
        """The same learner under other parameters and another name."""
        return Spec(name, self.source, self.folder, self.code, {**self.settings, **settings}, self.regression)


def spec_of(learner: str | Spec, *, regression: bool = False) -> Spec:
    """Check what a user named, before any work is done.

    Args:
        learner: One of ``unseen.learners.NAMES``, or ``module:object`` where the object is an estimator, a class or
            function that makes one, or a torch module or a function ``(inputs, outputs) -> module``.
        regression: For a numeric target.

    Raises:
        BadInput: There is no such learner, it is a pickle, or it lacks fit or predict.
        MissingExtra: Its module needs a package that is not installed.
    """
    if isinstance(learner, Spec):
        return learner
    if learner.lower().endswith(PICKLES):
        stem = Path(learner).stem
        raise BadInput(
            f"{learner}: a pickle can run any code when it is opened, so it is not read. Write a module {stem}_learner.py "
            f"with a function make() that returns the unfitted estimator, and pass --learner {stem}_learner:make."
        )
    if ":" not in learner:
        named(learner, regression=regression)
        return Spec(learner, learner, regression=regression)
    folder = str(Path.cwd())
    spec = Spec(learner.rsplit(":", 1)[1], learner, folder, "", {}, regression)
    found = _load(spec)
    resolve(spec)
    return Spec(spec.name, learner, folder, _source_hash(found), {}, regression)


def resolve(spec: Spec) -> Any:
    """The unfitted learner that a spec names.

    Raises:
        BadInput: As ``spec_of``.
    """
    if ":" not in spec.source:
        made = named(spec.source, regression=spec.regression)
        made.name = spec.name
        if spec.settings:
            made.estimator.set_params(**spec.settings)
        return made
    found: Any = _load(spec)
    if _is_torch(found):
        return _torch_learner(found, spec)
    if inspect.isclass(found) or (inspect.isroutine(found) and not hasattr(found, "fit")):
        try:
            parameters = inspect.signature(found).parameters
        except (TypeError, ValueError):
            parameters = {}
        needed = [
            p
            for p in parameters.values()
            if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
        if len(needed) == 2 and inspect.isroutine(found):
            return _torch_learner(found, spec)
        if needed:
            raise BadInput(
                f"--learner {spec.source}: {getattr(found, '__name__', found)} needs {', '.join(p.name for p in needed)}; "
                "name a function without parameters that makes the estimator."
            )
        made: Any = found()
        found = made
    if _is_torch(found):
        raise BadInput(f"--learner {spec.source}: name the function or class that builds the module, not a module.")
    return _configured(found, spec)


def _configured(found: Any, spec: Spec) -> Any:
    if spec.settings and hasattr(found, "set_params"):
        found.set_params(**spec.settings)
    return found if callable(getattr(found, "respond", None)) else EstimatorLearner(found, spec.name)


def _load(spec: Spec) -> Any:
    module_name, _, path = spec.source.rpartition(":")
    if spec.folder and spec.folder not in sys.path:
        sys.path.insert(0, spec.folder)
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if lacks_torch(error):
            raise MissingExtra(f"--learner {spec.source}", "torch") from None
        raise BadInput(
            f"--learner {spec.source}: there is no module {error.name!r} here ({spec.folder}). "
            f"Names are {', '.join(NAMES)}, or module:object."
        ) from None
    except MissingExtra as error:
        raise MissingExtra(f"--learner {spec.source}", error.extra) from None
    except Exception as error:
        raise BadInput(f"--learner {spec.source}: importing failed with {type(error).__name__}: {error}") from error
    for part in path.split("."):
        if not hasattr(found, part):
            public = [n for n in vars(found) if not n.startswith("_")]
            raise BadInput(f"--learner {spec.source}: {module_name} has no {path!r}; it has {', '.join(public[:10])}.")
        found = getattr(found, part)
    return found


def _source_hash(found: Any) -> str:
    try:
        text = inspect.getsource(inspect.getmodule(found) or type(found))
    except (OSError, TypeError):
        text = repr(found)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _is_torch(found: Any) -> bool:
    """Whether an object is a torch module or a class of such, without importing torch."""
    torch = sys.modules.get("torch")
    if torch is None:
        return False
    return isinstance(found, torch.nn.Module) or (inspect.isclass(found) and issubclass(found, torch.nn.Module))


def _torch_learner(build: Any, spec: Spec) -> Any:
    from unseen.training.domain_learner import DomainLearner

    settings = dict(spec.settings)
    return DomainLearner(build, settings.pop("objective", "erm"), name=spec.name, **settings)
