"""Holds our pages to docs/style.toml: words that say nothing, American spelling, words said twice. Needs the standard library alone."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# Beside docs/, pages that are read on their own.
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
FENCE = re.compile(r"^\s*(```+|~~~+)")
# What is no prose of ours: inline code, addresses of links, HTML tags, titles in quotation marks.
NOT_PROSE = re.compile(r"`+[^`]*`+|\]\([^)]*\)|<[^>]*>|\"[^\"]*\"|“[^”]*”")
EXCUSE = re.compile(r"<!-- style: .+? -->")


def rules() -> list[dict[str, Any]]:
    """The rules of docs/style.toml."""
    return tomllib.loads((ROOT / "docs" / "style.toml").read_text(encoding="utf-8"))["rule"]


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Lines of prose with their numbers; code and front matter are left out.

    >>> list(prose("a `very`\\n```\\nvery\\n```\\nb"))
    [(1, 'a  '), (5, 'b')]
    """
    fence, front = "", text.startswith("---\n")
    for number, line in enumerate(text.splitlines(), 1):
        if front:
            front = number == 1 or line != "---"
            continue
        mark = FENCE.match(line)
        if mark and (not fence or line.strip() == fence):
            fence = "" if fence else mark[1]
        elif not fence and not line.startswith("    ") and not EXCUSE.search(line):
            yield number, NOT_PROSE.sub(" ", line)


def found(text: str, name: str) -> Iterator[str]:
    """What breaks a rule in a page, one sentence each.

    >>> list(found("It is a very  powerful tool.", "x.md"))[0]
    "x.md:1: 'very': leave it out: it adds nothing, or says that a reader who stumbles is slow"
    """
    held = [(re.compile(r["find"], re.IGNORECASE), r) for r in rules() if Path(name).name not in r.get("except", ())]
    for number, line in prose(text):
        for pattern, rule in held:
            for match in pattern.finditer(line):
                words = match[0].strip()
                if words.lower() not in rule.get("except_words", ()):
                    yield f"{name}:{number}: {words!r}: {rule['say']}"


def pages() -> list[Path]:
    """Our pages; those that the build writes from code stand in .gitignore."""
    written = {
        line.strip("/")
        for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("/docs")
    }
    own = [p for p in sorted((ROOT / "docs").rglob("*.md")) if not _is_written(p.relative_to(ROOT), written)]
    return [*own, *(ROOT / name for name in PAGES)]


def _is_written(path: Path, written: set[str]) -> bool:
    return any(path.match(pattern) or path.is_relative_to(pattern) for pattern in written)


def main() -> int:
    """Print what breaks a rule; 1 where anything does."""
    told = [s for page in pages() for s in found(page.read_text(encoding="utf-8"), str(page.relative_to(ROOT)))]
    sys.stdout.write("".join(f"{sentence}\n" for sentence in told))
    return 1 if told else 0


if __name__ == "__main__":
    raise SystemExit(main())
