"""A learner from what a user names: one of ours, ``module:object``, a scikit-learn estimator, a torch module."""

from __future__ import annotations

import base64
import hashlib
import importlib
import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from unseen.engine.executors import Job, JobFailed, run_jobs
from unseen.engine.prints import cleaned_prints
from unseen.engine.torch_extra import lacks_torch
from unseen.errors import BadInput, MissingExtra, UnseenError
from unseen.learners import NAMES, EstimatorLearner, named
from unseen.learners.answered import of_known_library

# Longest time that importing a learner's module may take, in seconds.
IMPORT_SECONDS = 300.0
# A limit on refits holds for importing too, but loading torch alone may take this long on a busy machine.
IMPORT_LEAST = 30.0
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
        carried: A live object, made by cloudpickle in this process for its own workers, as base64; else "".
    """

    name: str
    source: str
    folder: str = ""
    code: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    regression: bool = False
    carried: str = field(default="", repr=False)

    @property
    def lasting(self) -> bool:
        """Whether results may be kept between runs: all that the learner does is known by a hash."""
        return not self.carried or bool(self.code)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with the live object, for a worker."""
        return {**self.identity(), "carried": self.carried}

    def identity(self) -> dict[str, Any]:
        """Plain data that tells this learner from others; what is kept is kept under it."""
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
        return replace(self, name=name, settings={**self.settings, **settings})


def spec_of(learner: Any, *, regression: bool = False, seconds: float | None = None) -> Spec:
    """Check what a user named, before any work is done.

    Args:
        learner: One of ``unseen.learners.NAMES``, or ``module:object`` where the object is an estimator, a class or
            function that makes one, or a torch module or a function ``(inputs, outputs) -> module``. Or any such
            object itself: an estimator, a pipeline, a class, a function, a lambda.
        regression: For a numeric target.
        seconds: Longest time that importing its module may take, at least ``IMPORT_LEAST``; by default ``IMPORT_SECONDS``.

    Raises:
        BadInput: There is no such learner, it is a pickle, or it lacks fit or predict.
        MissingExtra: Its module needs a package that is not installed.
    """
    if isinstance(learner, Spec):
        return learner
    if not isinstance(learner, str):
        return _live_spec(learner, regression=regression, seconds=seconds)
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
    _survives(spec, IMPORT_SECONDS if seconds is None else max(seconds, IMPORT_LEAST))
    with cleaned_prints():
        found = _load(spec)
        resolve(spec)
    return replace(spec, code=_source_hash(found))


def _survives(spec: Spec, seconds: float) -> None:
    """Import and build the learner in a process of its own first: its code may end the process that runs it, or hang.

    Raises:
        BadInput: It did, or hung, or building it failed.
    """
    try:
        told = run_jobs(
            _built, [Job(f"--learner {spec.source}", {"spec": spec.to_dict()})], workers=1, seconds=seconds,
            lost=lambda job, lost: lost.why,
        )[0]  # fmt: skip
    except JobFailed:
        if not spec.carried:
            raise
        # What a live object raises is told where it is made in this process; a process of its own may lack its module.
        return
    if told and spec.carried:
        raise BadInput(
            f"learner {spec.name}: making it {told}. A class or function that makes a learner must only make it."
        )
    if told:
        raise BadInput(
            f"--learner {spec.source}: importing it {told}. A module that is imported must only define things."
        )


def _built(*, spec: Mapping[str, Any]) -> str:
    try:
        resolve(Spec.from_dict(spec))
    except UnseenError:
        # Told again, with its own message and class, where the learner is built in this process.
        return ""
    return ""


def _live_spec(learner: Any, *, regression: bool, seconds: float | None) -> Spec:
    """A spec that carries a live object to the workers of this run.

    Raises:
        BadInput: The object can't be carried, or is no learner.
    """
    import cloudpickle

    if _is_torch(learner) and not inspect.isclass(learner):
        raise BadInput(
            f"learner {type(learner).__name__}: a module is already built, and every refit needs a fresh one. Give its class "
            "or a function (inputs, outputs) -> module."
        )
    name = getattr(learner, "__name__", None) or getattr(learner, "name", None) or type(learner).__name__
    name = "lambda" if name == "<lambda>" else str(name)
    try:
        carried = base64.b64encode(cloudpickle.dumps(learner)).decode()
    except Exception as error:
        raise BadInput(
            f"learner {name}: it can't be sent to the processes that refit it ({type(error).__name__}: {error}). Give a class "
            "or function that makes it; connections, locks and open files must be made inside."
        ) from None
    spec = Spec(name, f"{type(learner).__module__}.{name}", "", _identity(learner), {}, regression, carried)
    if (inspect.isclass(learner) or inspect.isroutine(learner)) and not of_known_library(learner):
        _survives(spec, IMPORT_SECONDS if seconds is None else max(seconds, IMPORT_LEAST))
    with cleaned_prints():
        resolve(spec)
    return spec


def _identity(found: Any) -> str:
    """Hash of all that a live object does, or "" where that can't be told (a notebook, a lambda, a closure)."""
    try:
        text = _described(found)
    except (TypeError, ValueError, OSError):
        return ""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest() if text else ""


def _described(found: Any) -> str:
    if found is None or isinstance(found, bool | int | float | str):
        return repr(found)
    if isinstance(found, list | tuple):
        parts = [_described(part) for part in found]
        return f"{type(found).__name__}({';'.join(parts)})" if all(parts) else ""
    if isinstance(found, Mapping):
        return _described([part for pair in sorted(found.items(), key=repr) for part in pair])
    of: Any = found if inspect.isclass(found) or inspect.isroutine(found) else type(found)
    module, name = getattr(of, "__module__", "") or "", getattr(of, "__qualname__", "")
    known = sys.modules.get(module)
    if known is None or module == "__main__" or "<" in name or not getattr(known, "__file__", None):
        return ""
    source = f"{module}.{name}:{hashlib.blake2b(inspect.getsource(known).encode(), digest_size=16).hexdigest()}"
    if of is found:
        return source
    if not hasattr(found, "get_params"):
        return ""
    given: Any = found
    settings = given.get_params(deep=False)
    parameters = _described(settings)
    return f"{source}({parameters})" if parameters or not settings else ""


def resolve(spec: Spec) -> Any:
    """The unfitted learner that a spec names.

    Raises:
        BadInput: As ``spec_of``.
    """
    if not spec.carried and ":" not in spec.source:
        made = named(spec.source, regression=spec.regression)
        made.name = spec.name
        if spec.settings:
            made.estimator.set_params(**spec.settings)
        return made
    found: Any = _carried(spec) if spec.carried else _load(spec)
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
    _require_kind(found, spec)
    if spec.settings and hasattr(found, "set_params"):
        found.set_params(**spec.settings)
    return found if callable(getattr(found, "respond", None)) else EstimatorLearner(found, spec.name)


def _require_kind(found: Any, spec: Spec) -> None:
    """BadInput where an estimator of scikit-learn predicts numbers and the target holds classes, or the other way round."""
    from sklearn.base import is_classifier, is_regressor

    if not hasattr(found, "__sklearn_tags__"):
        return
    if is_regressor(found) and not spec.regression:
        raise BadInput(
            f"{spec.name} predicts numbers, and the target holds classes. Take a classifier; or say --regression where the "
            "target is a number."
        )
    if is_classifier(found) and spec.regression:
        raise BadInput(
            f"{spec.name} predicts classes, and the target is a number. Take a regressor; or say --classification where "
            "the target holds classes."
        )


def _carried(spec: Spec) -> Any:
    import cloudpickle

    # Made by this very run, by ``spec_of``: never what a user's file holds.
    return cloudpickle.loads(base64.b64decode(spec.carried))


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
