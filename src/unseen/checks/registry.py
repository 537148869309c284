"""Finds the checks: every module ``uNNN_*.py`` of this package holds one final subclass of Check; and those of others."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable, Mapping
from functools import cache

from unseen.checks.base import Check
from unseen.engine.plugins import plugins, refused
from unseen.errors import BadInput
from unseen.plain_text import value as shown

SHAPE = re.compile(r"[A-Za-z]\d{0,3}")
# Letters that are typed, or read, for digits.
LOOK_ALIKE = str.maketrans("OQILSBZ", "0011582")


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
    found |= _plugged(found)
    return {code: found[code] for code in sorted(found)}


def _plugged(taken: Mapping[str, Check]) -> dict[str, Check]:
    """Checks of other packages by code, without those whose code is taken or of ours, or that are none."""
    found: dict[str, Check] = {}
    for plugin in plugins("check"):
        check = plugin.value() if isinstance(plugin.value, type) else plugin.value
        code = getattr(check, "code", "")
        if not isinstance(check, Check):
            refused("check", plugin.name, plugin.package, "it is no subclass of unseen.checks.Check")
        elif not re.fullmatch(r"[A-TV-Z]\d{3}", str(code)):
            refused(
                "check", plugin.name, plugin.package, f"its code {code!r} is not a letter other than U and three digits"
            )
        elif code in taken or code in found:
            refused("check", plugin.name, plugin.package, f"there is a check {code} already")
        else:
            found[code] = check
    return found


@cache
def packages() -> dict[str, str]:
    """Package and version of each check that is not ours, by code."""
    known = all_checks()
    own = {type(known[code]): code for code in known}
    sources: dict[str, str] = {}
    for plugin in plugins("check"):
        code = own.get(plugin.value if isinstance(plugin.value, type) else type(plugin.value))
        if code is not None:
            sources[code] = plugin.source
    return sources


def codes_in(given: str | Iterable[str]) -> tuple[str, ...]:
    """Codes or prefixes as a user gives them: one text, with commas or spaces between several, or a list of such.

    >>> codes_in("U101"), codes_in("u1, U501"), codes_in(["U1,U2"])
    (('U101',), ('U1', 'U501'), ('U1', 'U2'))
    """
    texts = [given] if isinstance(given, str) else list(given)
    return tuple(as_code(name) for text in texts for name in re.split(r"[,\s]+", text) if name)


def as_code(name: str) -> str:
    """A code or prefix in capitals; what has the shape of none stays as it was typed, to be named so in a message.

    >>> as_code("u101"), as_code("u10l")
    ('U101', 'u10l')
    """
    return name.upper() if SHAPE.fullmatch(name) else name


def _meant(given: str, codes: Iterable[str]) -> str:
    """What a mistyped code was meant to be: one whose letters look like its digits, else those that begin as it does."""
    codes = list(codes)
    read = given[:1].upper() + given[1:].upper().translate(LOOK_ALIKE)
    if len(given) > 1 and (same := [code for code in codes if code.startswith(read)]):
        return f"; did you mean {read if len(same) > 1 else same[0]}?"
    for size in (3, 2):
        near = [code for code in codes if len(read) > size and code.startswith(read[:size])]
        if near and re.fullmatch(r"[A-Z]\d+", read[:size]):
            return f"; those that begin with {read[:size]} are {', '.join(near)}."
    return f"; the codes are {', '.join(codes)}."


def selected(select: str | Iterable[str] = (), ignore: str | Iterable[str] = ()) -> list[Check]:
    """Checks whose code begins with one of ``select`` (all if empty) and with none of ``ignore``.

    Raises:
        BadInput: A prefix that fits no check, or no check is left.
    """
    checks, select, ignore = all_checks(), codes_in(select), codes_in(ignore)
    for prefix in (*select, *ignore):
        if not any(code.startswith(prefix) for code in checks):
            raise BadInput(f"no check begins with {shown(prefix, 40)!r}{_meant(prefix, checks)}")
    left = [
        check
        for code, check in checks.items()
        if (not select or code.startswith(select)) and not (ignore and code.startswith(ignore))
    ]
    if not left:
        raise BadInput(f"no check is left: all of {', '.join(select) or 'them'} begin with {', '.join(ignore)} too.")
    return left
