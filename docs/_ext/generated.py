"""Pages that are made from the code: checks, remedies, atlas, command line, configuration, JSON schema, README.

Each function returns Markdown by the name of its page; nothing here knows Sphinx.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from unseen.api import explain
from unseen.atlas.ledger import Entry, effect_text, ledger, rows
from unseen.atlas.pages import describe, picture
from unseen.atlas.protocol import study_modules

ROOT = Path(__file__).parents[2]
REPOSITORY_PAGES = {"README": "about", "CONTRIBUTING": "contributing", "CHANGELOG": "changelog"}


def all_pages() -> dict[str, str]:
    """Every generated page by its name below ``docs/``."""
    return {**checks(), **remedies(), **atlas(), **command_line(), **configuration(), **schema(), **repository()}


def cell(text: Any) -> str:
    """Text that stays one cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "\\<")


def table(heads: Iterable[str], lines: Iterable[Iterable[Any]], *, filterable: bool = False) -> str:
    """A table; a filterable one can be searched, filtered and sorted by the reader."""
    heads = list(heads)
    text = f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}\n"
    text += "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    return f":::{{table}}\n:class: filterable\n\n{text}:::\n" if filterable else text


def checks() -> dict[str, str]:
    """One page a check, and their list."""
    pages: dict[str, str] = {}
    listed: list[tuple[str, ...]] = []
    by_study = {e.row.slug: e for e in ledger()}
    for entry in explain():
        d: Mapping[str, Any] = entry.to_dict()
        needs = ", ".join(d["needs"])
        studies = "\n".join(f"- {study_link(by_study.get(s['slug']), s['slug'])}" for s in d["studies"])
        pages[f"checks/{entry.code}"] = (
            f"# {d['code']} {d['title']}\n\n{d['question']}\n\n> {d['example']}\n\n## Null\n\n{d['null']}\n\n"
            f"## Effect of interest\n\n{d['effect_of_interest']}\n\n## Method\n\n{d['method']}\n\n"
            f"## Assumptions\n\n{d['assumptions']}\n\n## Needs\n\n{needs}\n\n## Sources\n\n"
            + "\n".join(f"- {s}" for s in d["sources"])
            + f"\n\n## Studies\n\n{studies or 'None of the atlas yet.'}\n\n## Run it alone\n\n"
            f"```bash\nunseen audit logs/ --select {d['code']}\n```\n\n"
            "How a finding is told from a clear one: [](../explanation/clear.md). "
            "How many tests an audit makes and corrects for: [](../explanation/corrections.md).\n"
        )
        listed.append((f"[{d['code']}]({d['code']}.md)", d["code"][:2] + "xx", cell(d["title"]), cell(d["question"]), needs))  # fmt: skip
    pages["checks/index"] = (
        "# Checks\n\nOne question each. [Which check do I need?](../which-check.md) leads to them from what you want to know; "
        "`unseen explain CODE` prints the same pages.\n\n"
        + table(("code", "family", "title", "question", "needs"), listed, filterable=True)
        + toctree(name.split("/")[1] for name in pages)
    )
    return pages


def remedies() -> dict[str, str]:
    """One page a remedy, and their list."""
    pages: dict[str, str] = {}
    listed: list[tuple[str, ...]] = []
    by_study = {e.row.slug: e for e in ledger()}
    for entry in explain("remedy"):
        d: Mapping[str, Any] = entry.to_dict()
        name = d["code"].partition(":")[2]
        studies = "\n".join(f"- {study_link(by_study.get(s['slug']), s['slug'])}" for s in entry.studies)  # type: ignore[union-attr]
        settings = "\n".join(f"- {cell(s)}" for s in d["settings"])
        needs = "\n".join(f"- {cell(n)}" for n in d["needs"])
        pages[f"remedies/{name}"] = (
            f"# {d['title']}\n\n`{d['code']}` · {d['kind']}\n\n{d['what']}\n\n## Needs\n\n"
            f"{needs or 'Nothing beyond the data and the learner.'}\n\n## Cost\n\n{d['cost']}\n\n## Helps where\n\n"
            f"{d['assumptions'] or 'Nothing more is known.'}\n\n## Settings tried\n\n{settings or 'None.'}\n\n## Sources\n\n"
            + "\n".join(f"- {s}" for s in d["sources"])
            + f"\n\n## Studies\n\n{studies or 'None of the atlas yet.'}\n\n## Try it alone\n\n"
            f"```bash\nunseen improve data.csv --target label --shift 'held-out site' --remedy {name}\n```\n"
        )
        listed.append((f"[{name}]({name}.md)", cell(d["kind"]), cell(d["what"]), cell("; ".join(d["needs"]) or "nothing")))  # fmt: skip
    pages["remedies/index"] = (
        "# Remedies\n\nWhat `unseen improve` may try. It chooses without looking at the domains it is judged on, and "
        '"No remedy helped" is a possible answer. [A learner under shift](../learner.md) shows both.\n\n'
        + table(("remedy", "kind", "what it does", "needs"), listed, filterable=True)
        + toctree(name.split("/")[1] for name in pages)
    )
    return pages


def atlas() -> dict[str, str]:
    """The claims behind checks and remedies as one table with filters, and a page for every study that has code."""
    entries, pages = ledger(), dict[str, str]()
    listed: list[tuple[str, ...]] = []
    coded = study_modules()
    for e in entries:
        slug, result = e.row.slug, e.result or {}
        name = slug
        if slug in coded:
            pages[f"atlas/{slug}"] = study(e)
            name = f"[{slug}]({slug}.md)"
        listed.append((
            name, e.state, str(result.get("verdict") or "–"), effect_text(result.get("effect")), cell(e.row.kind),
            str(e.row.wave), cell(e.row.title), cell(e.row.claim),
        ))  # fmt: skip
    done = [e for e in entries if e.state == "done" and e.result]
    verdicts = [str((e.result or {})["verdict"]) for e in done]
    said = ", ".join(f"{verdicts.count(v)} {v}" for v in sorted(set(verdicts)))
    pages["atlas/index"] = (
        f"# Atlas\n\n{len(entries)} published claims about generalisation stand behind the checks and remedies; {len(done)} of "
        f"them have been re-tested by this code so far{': ' + said if said else ''}. A verdict follows by rule from thresholds written down "
        "before the full run; what pilots had shown is told in the notes.\n\n"
        + table(("study", "state", "verdict", "effect", "kind", "wave", "title", "claim"), listed, filterable=True)
        + toctree(name.split("/")[1] for name in pages)
    )
    return pages


def study(e: Entry) -> str:
    """The page of one study: claim, thresholds, what came out, what was reduced, its code."""
    d = describe(e.row.slug)
    result, made = d.get("result") or {}, d["study"]
    state = e.state + (f" ({e.why})" if e.why else "")
    text = f"# {e.row.slug}\n\n{e.row.title}\n\n**{result.get('verdict', 'no verdict')}** · state: {state}\n\n{made['claim']}\n\n"
    text += f"Source: {made['source']}\n\n"
    for part in result.get("parts", ()):
        text += f"## {part['statement']}\n\n"
        if part.get("estimate") is None:
            text += f"No interval: {part.get('problem', '')}\n\n"
            continue
        text += (
            f"{part['verdict']}: {cell(part['quantity'])} = {effect_text(part['estimate'])}, claimed {part['side'].replace('<', chr(92) + '<')} {part['threshold']:g}\n\n"
            f'```{{raw}} html\n<figure class="interval" style="--rule: var(--pst-color-border); --ink: var(--pst-color-text-base); --line: var(--pst-color-primary)">'
            f"{picture(part['estimate'], part['threshold'])}</figure>\n```\n\n"
        )
    if not result:
        text += "## Thresholds\n\n" + "".join(
            f"- {t['statement']}: {t['quantity']} {t['side'].replace('<', chr(92) + '<')} {t['value']:g}\n" for t in made["thresholds"]
        )  # fmt: skip
    text += f"\n## How\n\nIntervals cover {made['units']}\n\nReduced: {made['reduced']}\n\nReconstructed: {made['reconstructed']}\n\n"
    if result.get("note"):
        text += f"Note: {result['note']}\n\n"
    if result:
        text += f"{len(result['seeds'])} seeds, {result['seconds']:.0f} s.\n\n"
    text += f":::{{dropdown}} Code\n````{{code-block}} py\n{made['code']}\n````\n:::\n\n"
    return text + f"```bash\nunseen atlas run {e.row.slug} --quick\n```\n"


def study_link(e: Entry | None, slug: str) -> str:
    """A study with its verdict, linked where it has a page."""
    name = f"[{slug}](../atlas/{slug}.md)" if slug in study_modules() else f"`{slug}`"
    result = (e.result if e else None) or {}
    return f"{name}: {result.get('verdict') or (e.state if e else 'planned')}" + (
        f". {' '.join(str(result['claim']).split())}" if result.get("claim") else ""
    )


def command_line() -> dict[str, str]:
    """Every command with its arguments and options, from the parser that the program uses."""
    text = "# Commands and options\n\nMade from the parser. [](../cli.md) tells what they are for.\n"
    for name, command in commands().items():
        text += f"\n## `unseen {name}`\n\n{inspect.cleandoc(command.help or '')}\n"
        panels: dict[str, list[tuple[str, str, str]]] = {}
        for p in command.params:
            if getattr(p, "hidden", False) or p.name == "help":
                continue
            argument = not p.opts[0].startswith("-")
            shown = (p.metavar or p.name.upper()) if argument else ", ".join([*p.opts, *p.secondary_opts])
            default = p.default if p.default not in (None, "", [], ()) and not callable(p.default) else ""
            panel = "Arguments" if argument else (getattr(p, "rich_help_panel", None) or "Options")
            panels.setdefault(panel, []).append(
                (f"`{shown}`", cell(p.help or ""), f"`{default}`" if default != "" else "")
            )
        for panel, lines in panels.items():
            text += f"\n**{panel}**\n\n" + table((panel.lower(), "what it does", "default"), lines)
    return {"reference/cli": text}


def commands() -> dict[str, Any]:
    """Every command of the program by its words ("task sample")."""
    import typer

    from unseen.cli.app import build

    def below(group: Any, path: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, command in group.commands.items():
            words = f"{path} {name}".strip()
            found |= below(command, words) if hasattr(command, "commands") else {words: command}
        return found

    return below(typer.main.get_command(build()), "")


def configuration() -> dict[str, str]:
    """Every key of ``[tool.unseen]``, from the model that checks them."""
    from unseen.options import ALIASES, Options

    meaning = dict(
        re.findall(r"^\s{4,}(\w+): (.+?)(?=\n\s+\w+: |\n\n|\Z)", inspect.cleandoc(Options.__doc__ or ""), re.M | re.S)
    )
    meaning = meaning or {}
    lines: list[tuple[str, str, str, str]] = []
    for name, kept in Options.model_fields.items():
        limits = ", ".join(str(m) for m in kept.metadata)
        type_ = kept.annotation.__name__ if isinstance(kept.annotation, type) else str(kept.annotation)
        type_ = type_.replace("typing.", "").replace("pydantic.types.", "")
        shown = f"`{type_}`" + (f" ({limits})" if limits else "")
        default = "" if kept.default in (None, ()) else f"`{kept.default}`"
        lines.append((f"`{name}`", cell(meaning.get(name, "")), shown.replace("|", "\\|"), default))
    aliases = ", ".join(f"`{a}` for `{b}`" for a, b in sorted(ALIASES.items()))
    text = (
        "# Configuration\n\nThese keys stand in `[tool.unseen]` of a `pyproject.toml` or in an `unseen.toml`; the command line wins. "
        "They are read by one model, `unseen.options.Options`, which the command line and Python use too. An unknown key, or a value outside "
        f"its limits, is refused by name.\n\nOther names that are understood: {aliases}.\n\n"
        + table(("key", "what it sets", "type and limits", "default"), lines, filterable=True)
    )
    return {"reference/config": text}


def schema() -> dict[str, str]:
    """The fields of the JSON document, from the schema that ships with the package."""
    raw = (files("unseen") / "report" / "schema.json").read_text(encoding="utf-8")
    document = json.loads(raw)
    text = "# Schema of the JSON document\n\nMade from the schema that ships with the package. [](../json-schema.md) tells how to read it.\n"
    text += "\n## The document\n\n" + table(("field", "type", "what it holds"), _fields(document))
    for name, part in document.get("$defs", {}).items():
        text += f"\n## {name}\n\n" + (part.get("description", "") + "\n\n" if part.get("description") else "")
        listed = _fields(part)
        text += table(("field", "type", "what it holds"), listed) if listed else f"{_type(part)}\n"
    return {
        "reference/schema": text + f"\n:::{{dropdown}} The whole schema\n````{{code-block}} json\n{raw}\n````\n:::\n"
    }


def _fields(part: Mapping[str, Any], path: str = "") -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    required = set(part.get("required", ()))
    for name, inner in part.get("properties", {}).items():
        optional = "" if name in required else " (optional)"
        found.append((f"`{path}{name}`{optional}", _type(inner), cell(inner.get("description", ""))))
        if not path:
            for nested in (inner, *inner.get("oneOf", ()), inner.get("items", {})):
                found += _fields(nested, f"{name}.") if nested.get("properties") else []
    return found


def _type(part: Mapping[str, Any]) -> str:
    if "$ref" in part:
        name = str(part["$ref"]).rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in part or "enum" in part:
        return ", ".join(f"`{json.dumps(v)}`" for v in part.get("enum", [part.get("const")]))
    if "oneOf" in part or "anyOf" in part:
        return " or ".join(_type(p) for p in part.get("oneOf", part.get("anyOf", ())))
    given = part.get("type", "any")
    kind = " or ".join(given) if isinstance(given, list) else str(given)
    return f"{kind} of {_type(part['items'])}" if kind == "array" and isinstance(part.get("items"), dict) else kind


def repository() -> dict[str, str]:
    """README, contributing and changes, with their links turned to the pages of the site."""
    pages: dict[str, str] = {}
    for source, name in REPOSITORY_PAGES.items():
        text = (ROOT / f"{source}.md").read_text(encoding="utf-8")
        text = text.replace("](docs/", "](")
        for other, target in REPOSITORY_PAGES.items():
            text = text.replace(f"]({other}.md", f"]({target}.md")
        pages[name] = text
    return pages


def toctree(names: Iterable[str]) -> str:
    listed = "\n".join(sorted(n for n in names if n != "index"))
    return f"\n```{{toctree}}\n:hidden:\n\n{listed}\n```\n"


def claims() -> int:
    """Number of claims in the atlas."""
    return len(rows())
