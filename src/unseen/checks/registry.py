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
