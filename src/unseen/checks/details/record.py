"""Typed data with one plain form: what checks write, pictures read, and JSON holds."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from functools import cache, cached_property
from typing import Any, Self, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import numpy as np

from unseen.estimates import Estimate

R = TypeVar("R", bound="Record")
Reader = Callable[[Any], Any]

_NOTHING = object()
_EASY: frozenset[type[Any]] = frozenset((type(None), bool, int, float, str))
# Left out of the plain form where it is None: what only some outcomes of a check hold.
IF_KNOWN: Mapping[str, Any] = {"left_out": True}
# A mean score, or what holds mean scores: told as users know it (of a loss: lower is better).
MEAN: Mapping[str, Any] = {"mean": True}
# A difference of mean scores, now minus then.
CHANGE: Mapping[str, Any] = {"change": True}
# Its own fields stand in the plain form, instead of an object of its own.
FLAT: Mapping[str, Any] = {"flat": True}


def called(key: str) -> Mapping[str, Any]:
    """Metadata of a field whose key in the plain form is no name of a field (``break``, ``from``, ``items``)."""
    return {"key": key}


class Misread(ValueError):
    """Plain data are not of this kind."""


class Record:
    """A frozen dataclass whose fields are numbers, text, estimates, records, or tuples and mappings of these.

    >>> @dataclass(frozen=True)
    ... class Fall(Record):
    ...     at: str
    ...     loss: float
    >>> Fall("digits", 0.5).plain(), Fall.read({"at": "digits", "loss": 0.25}).loss
    ({'at': 'digits', 'loss': 0.5}, 0.25)
    """

    __slots__ = ()

    def plain(self, *, told: Callable[[Any], Any] | None = None) -> dict[str, Any]:
        """The same as mappings, lists, numbers and text, in the order of the fields.

        Args:
            told: What is to become of each value, for who wants it stricter (JSON knows no infinities) in one go.
        """
        made: dict[str, Any] = {}
        inner = _plain if told is None else told
        for part in _parts(type(self)):
            value = getattr(self, part.name)
            kind = type(value)
            if kind in _EASY:
                if value is not None or not part.may_lack:
                    made[part.key] = value if told is None or kind is not float else told(value)
                continue
            if part.flat:
                made |= inner(value)
            else:
                made[part.key] = inner(value)
        return made

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """The record of a plain form; keys of other kinds are passed over.

        Raises:
            Misread: A key is missing, or its value is not of the type of the field.
        """
        made: dict[str, Any] = {}
        for part in _parts(cls):
            value = given.get(part.key) if not part.flat else _NOTHING
            known = type(value) in part.plain and (value is not None or part.key in given)
            made[part.name] = value if known else part.read(given)
        return cls(**made)

    def with_means(self, shown: Callable[[float], float]) -> Self:
        """The same with the mean scores that it holds, by its fields marked as such, in another unit."""
        changed = {f.name: _shown(getattr(self, f.name), *_how(f, shown)) for f in fields(cast("Any", self))}
        return replace(cast("Any", self), **changed)

    @classmethod
    def required(cls) -> frozenset[str]:
        """Keys that every plain form of it has."""
        return _required(cls)


@dataclass(frozen=True)
class Needed(Record):
    """How much more data would decide an open question.

    Attributes:
        times: Ratio of the units that would decide to those there are.
        units_needed: Independent units that would decide.
    """

    times: float
    units_needed: int


@dataclass(frozen=True)
class ToldAs(Record):
    """What users know the mean scores of a record as, where these are told as something of which less is better.

    Attributes:
        word: What it is called: "loss", "perplexity".
        lower: Whether lower is better.
    """

    word: str
    lower: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class Details(Record, Mapping[str, Any]):
    """What an outcome holds for tables and pictures: a record, and a mapping of its plain form for who reads it as data.

    Attributes:
        deciding: How much more data would decide it, where it is open; the audit adds it.
        told_as: What its mean scores are told as, where that is no score; the report adds it.
    """

    deciding: Needed | None = field(default=None, metadata=FLAT)
    told_as: ToldAs | None = field(default=None, metadata=IF_KNOWN)

    @property
    def word(self) -> str:
        """What a mean in it is a mean of."""
        return "score" if self.told_as is None else self.told_as.word

    @cached_property
    def _mapping(self) -> dict[str, Any]:
        return self.plain()

    def __getitem__(self, key: str) -> Any:
        return self._mapping[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._mapping)

    def __len__(self) -> int:
        return len(self._mapping)


@dataclass(frozen=True, slots=True)
class _Part:
    """One field: its name, its key, how it is read, whether it stands flat and whether it may be missing.

    What is of one of the types in ``plain`` is read as it is.
    """

    name: str
    key: str
    reader: Reader
    plain: frozenset[type[Any]]
    flat: bool
    may_lack: bool
    inner: frozenset[str]

    def read(self, given: Mapping[str, Any]) -> Any:
        if self.flat:
            return None if self.may_lack and not self.inner <= given.keys() else self.reader(given)
        if self.key not in given:
            if self.may_lack:
                return None
            raise Misread(f"no {self.key!r}")
        return self.reader(given[self.key])


@cache
def _parts(kind: type[Record]) -> tuple[_Part, ...]:
    hints = get_type_hints(kind)
    found = [_part(f, hints[f.name]) for f in fields(cast("Any", kind))]
    # What the audit adds stands behind what the check says.
    return tuple(sorted(found, key=lambda part: part.name in ("deciding", "told_as")))


def _part(f: Field[Any], hint: Any) -> _Part:
    flat, optional = bool(f.metadata.get("flat")), type(None) in get_args(hint)
    inner = next((a for a in (hint, *get_args(hint)) if isinstance(a, type) and issubclass(a, Record)), None)
    known = _required(inner) if flat and inner is not None else frozenset[str]()
    lacking = optional and (flat or bool(f.metadata.get("left_out")) or f.default is not MISSING)
    key = str(f.metadata.get("key", f.name))
    return _Part(f.name, key, _reader(hint), _as_it_is(hint), flat, lacking, known)


def _as_it_is(hint: Any) -> frozenset[type[Any]]:
    """Exact types whose values a field of this type holds as plain data do.

    >>> sorted(kind.__name__ for kind in _as_it_is(str | float | None))
    ['NoneType', 'float', 'int', 'str']
    """
    if get_origin(hint) in (Union, types.UnionType):
        return frozenset(kind for part in get_args(hint) for kind in _as_it_is(part))
    kinds: dict[Any, tuple[type[Any], ...]] = {float: (int, float), type(None): (type(None),)}
    return frozenset(kinds.get(hint, (hint,) if hint in (bool, int, str) else ()))


@cache
def _required(kind: type[Record]) -> frozenset[str]:
    parts = [part for part in _parts(kind) if not part.may_lack]
    return frozenset(k for part in parts for k in (part.inner if part.flat else (part.key,)))


def _plain(value: Any) -> Any:
    # An audit of hundreds of models holds a million values, nearly all of them numbers and names: exact types first.
    kind = type(value)
    if kind in _EASY:
        return value
    if kind is tuple or kind is list:
        return [v if type(v) in _EASY else _plain(v) for v in value]
    if isinstance(value, Record):
        return value.plain()
    if isinstance(value, Estimate):
        return value.to_dict()
    if isinstance(value, tuple | list):
        return [_plain(v) for v in cast("tuple[Any, ...]", value)]
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in cast("Mapping[Any, Any]", value).items()}
    return value.item() if isinstance(value, np.generic) else value


def _how(f: Field[Any], shown: Callable[[float], float]) -> tuple[Callable[[float], float], bool]:
    """How the numbers of a field are told in another unit, and whether they are."""
    if f.metadata.get("change"):
        return lambda change: shown(change) - shown(0.0), True
    return shown, bool(f.metadata.get("mean"))


def _shown(value: Any, shown: Callable[[float], float], mean: bool) -> Any:
    """A value with every mean score in it in another unit; where lower is better, the ends of an interval change places."""
    if isinstance(value, Estimate):
        if not mean:
            return value
        low, high = sorted((shown(value.low), shown(value.high)))
        return replace(value, value=shown(value.value), low=low, high=high)
    if isinstance(value, Record):
        return _mean_of(value, shown) if mean else value.with_means(shown)
    if isinstance(value, tuple):
        return tuple(_shown(v, shown, mean) for v in cast("tuple[Any, ...]", value))
    if isinstance(value, Mapping):
        return {k: _shown(v, shown, mean) for k, v in cast("Mapping[Any, Any]", value).items()}
    return shown(float(value)) if mean and isinstance(value, float | np.floating) else value


def _mean_of(record: Record, shown: Callable[[float], float]) -> Any:
    """A record of a mean with its interval: ``value``, ``low`` and ``high``."""
    given: Any = record
    known = [None if end is None else shown(end) for end in (given.low, given.high)]
    low, high = known[::-1] if shown(1.0) < shown(0.0) else known
    return replace(given, value=shown(given.value), low=low, high=high)


def _reader(hint: Any) -> Reader:
    """What turns plain data into a value of this type."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _one_of([_reader(a) for a in args if a is not type(None)], none=type(None) in args)
    if origin is tuple:
        return _many(_reader(args[0])) if args[-1] is Ellipsis else _row([_reader(a) for a in args])
    if origin in (Mapping, dict):
        return _values(_reader(args[1]))
    if hint is Estimate:
        return _estimate
    if isinstance(hint, type) and issubclass(hint, Record):
        return _inner(hint)
    if hint in (Any, object):
        return lambda value: value
    if hint in (bool, str, int, float):
        return _exactly(hint)
    raise TypeError(f"{hint!r} has no plain form")


def _exactly(kind: type[Any]) -> Reader:
    allowed: tuple[type[Any], ...] = (int, float) if kind is float else (kind,)

    def read(value: Any) -> Any:
        # True is a whole number to Python, and none to JSON.
        if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
            raise Misread(f"{value!r} is no {kind.__name__}")
        return value

    return read


def _one_of(readers: list[Reader], *, none: bool) -> Reader:
    def read(value: Any) -> Any:
        if none and value is None:
            return None
        for reader in readers[:-1]:
            try:
                return reader(value)
            except Misread:
                continue
        return readers[-1](value)

    return read


def _many(reader: Reader) -> Reader:
    return lambda value: tuple([reader(v) for v in _listed(value)])


def _row(readers: list[Reader]) -> Reader:
    def read(value: Any) -> Any:
        listed = _listed(value)
        if len(listed) != len(readers):
            raise Misread(f"{len(listed)} values instead of {len(readers)}")
        return tuple(reader(v) for reader, v in zip(readers, listed, strict=True))

    return read


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise Misread(f"{value!r} is no list")
    return cast("list[Any]", value)


def _values(reader: Reader) -> Reader:
    return lambda value: {str(k): reader(v) for k, v in _object(value).items()}


def _inner(kind: type[Record]) -> Reader:
    return lambda value: kind.read(_object(value))


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Misread(f"{value!r} is no object")
    return cast("Mapping[str, Any]", value)


def _estimate(value: Any) -> Estimate:
    given = _object(value)
    try:
        # An end that JSON can't hold is infinite.
        low = -np.inf if given["low"] is None else given["low"]
        high = np.inf if given["high"] is None else given["high"]
        return Estimate(given["value"], low, high, given["units"], given["method"], given["level"])
    except (KeyError, TypeError, ValueError) as error:
        raise Misread(f"no estimate ({error})") from error


__all__ = ["CHANGE", "FLAT", "IF_KNOWN", "MEAN", "Details", "Misread", "Needed", "Record", "ToldAs", "called"]
