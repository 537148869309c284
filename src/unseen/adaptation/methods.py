"""Test-time methods by name, with the grids that a label-free choice runs over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from typing import Any, cast

from unseen.adaptation.base import Adapter, Source
from unseen.engine.torch_extra import needs_torch
from unseen.errors import BadInput

# Name: module, class, whether it needs torch, values to choose from (the first is the published or usual one).
TABLE: dict[str, tuple[str, str, bool, dict[str, tuple[Any, ...]]]] = {
    "none": ("base", "Unchanged", False, {}),
    "prior-correction": ("label_shift", "PriorCorrection", False, {"pseudo_rows": (10.0, 0.0, 100.0)}),
    "bbse": ("label_shift", "BlackBoxShift", False, {"ridge": (1.0, 100.0)}),
    "lame": ("lame", "Lame", False, {"neighbours": (5, 3, 1)}),
    "t3a": ("t3a", "T3A", False, {"keep": (20, 5, 50, -1)}),
    "adanpc": ("adanpc", "AdaNPC", False, {"k": (20, 5, 50), "margin": (0.5, 0.9)}),
    "batch-norm": ("batch_norm", "BatchNormAdaptation", True, {"prior": (16.0, 0.0, 256.0)}),
    "tent": ("tent", "Tent", True, {"rate": (1e-3, 1e-4, 1e-2)}),
}
NAMES = tuple(TABLE)
# Parts of the source that a method reads, beside labels and module.
KEEPS = {"bbse": frozenset({"probabilities"}), "t3a": frozenset({"features"}), "adanpc": frozenset({"features"})}


@dataclass(frozen=True)
class Method:
    """A test-time method that is not yet built.

    Attributes:
        name: One of ``NAMES``.
        parameters: Passed on to its class.

    >>> Method("lame", {"neighbours": 3}).label
    'lame neighbours=3'
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        if self.name not in TABLE:
            near = get_close_matches(self.name, NAMES, 1, 0.4)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise BadInput(f"no test-time method {self.name!r}{hint}; there are {', '.join(NAMES)}.")

    @property
    def label(self) -> str:
        """Name and parameters in words."""
        return " ".join([self.name, *(f"{k}={v}" for k, v in self.parameters.items())])

    @property
    def type(self) -> type[Adapter]:
        """The class.

        Raises:
            MissingExtra: It needs torch, which is not installed.
        """
        module, name, _, _ = TABLE[self.name]
        with needs_torch(f"the test-time method {self.name}"):
            return cast(type[Adapter], getattr(import_module(f"unseen.adaptation.{module}"), name))

    @property
    def needs(self) -> frozenset[str]:
        """Parts of a batch that it reads."""
        return self.type.needs

    @property
    def keeps(self) -> frozenset[str]:
        """Parts of the source that it reads, beside labels and module."""
        return KEEPS.get(self.name, frozenset())

    @property
    def needs_module(self) -> bool:
        """Whether it changes a torch module, so that scikit-learn learners can't take it."""
        return TABLE[self.name][2]

    def build(self, source: Source) -> Adapter:
        """The method on a source.

        Raises:
            BadInput: A parameter is unknown, or the source lacks what it needs.
        """
        made: Any = self.type
        try:
            return cast(Adapter, made(source, **self.parameters))
        except TypeError as error:
            raise BadInput(f"test-time method {self.label}: {error}") from None


def named(name: str, **parameters: Any) -> Method:
    """A test-time method by name.

    >>> named("t3a", keep=5).label
    't3a keep=5'
    """
    return Method(name, parameters)


def grid(name: str) -> list[Method]:
    """A method under each of its hyper-parameters: the usual values first, then one changed at a time.

    >>> [m.label for m in grid("adanpc")]
    ['adanpc k=20 margin=0.5', 'adanpc k=5 margin=0.5', 'adanpc k=50 margin=0.5', 'adanpc k=20 margin=0.9']
    """
    values = TABLE[Method(name).name][3]
    usual = {k: v[0] for k, v in values.items()}
    return [Method(name, usual)] + [Method(name, {**usual, k: x}) for k, v in values.items() for x in v[1:]]
