"""Finds the checks: every module ``uNNN_*.py`` of this package holds one final subclass of Check."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable
from functools import cache

from unseen.checks.base import Check
from unseen.errors import BadInput


@cache
def all_checks() -> dict[str, Check]:
    """Every check by its code, in the order of the codes.

    >>> "U101" in all_checks()
    True
    """
    import unseen.checks as package

    names = sorted(m.name for m in pkgutil.iter_modules(package.__path__) if re.match(r"u\d{3}_", m.name))
    found: dict[str, Check] = {}
    for name in names:
        module = importlib.import_module(f"unseen.checks.{name}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Check) and value.__module__ == module.__name__:
                found[value.code] = value()
    return found


def codes_in(given: str | Iterable[str]) -> tuple[str, ...]:
    """Codes or prefixes as a user gives them: one text, with commas or spaces between several, or a list of such.

    >>> codes_in("U101"), codes_in("u1, U501"), codes_in(["U1,U2"])
    (('U101',), ('U1', 'U501'), ('U1', 'U2'))
    """
    texts = [given] if isinstance(given, str) else list(given)
    return tuple(name.upper() for text in texts for name in re.split(r"[,\s]+", text) if name)


def selected(select: str | Iterable[str] = (), ignore: str | Iterable[str] = ()) -> list[Check]:
    """Checks whose code begins with one of ``select`` (all if empty) and with none of ``ignore``.

    Raises:
        BadInput: A prefix that fits no check, or no check is left.
    """
    checks, select, ignore = all_checks(), codes_in(select), codes_in(ignore)
    for prefix in (*select, *ignore):
        if not any(code.startswith(prefix) for code in checks):
            raise BadInput(f"no check begins with {prefix!r}; the codes are {', '.join(checks)}.")
    left = [
        check
        for code, check in checks.items()
        if (not select or code.startswith(select)) and not (ignore and code.startswith(ignore))
    ]
    if not left:
        raise BadInput(f"no check is left: all of {', '.join(select) or 'them'} begin with {', '.join(ignore)} too.")
    return left
