"""Pages that are made from the code: checks, remedies, atlas, command line, configuration, JSON schema, README.

Each function returns Markdown by the name of its page; nothing here knows Sphinx.
"""

from __future__ import annotations

import html
import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from unseen.api import explain
from unseen.atlas.documents import documents, linked
from unseen.atlas.judging import deciding
from unseen.atlas.ledger import ORDER, Entry, ledger
from unseen.atlas.protocol import code_of
from unseen.atlas.site import overview as headlines
from unseen.atlas.site import picture
from unseen.atlas.wording import cite_text, claimed_text, effect_text, held_against
from unseen.errors import MissingExtra

ROOT = Path(__file__).parents[2]
REPOSITORY_PAGES = {"README": "about", "CONTRIBUTING": "contributing", "CHANGELOG": "changelog"}


def all_pages() -> dict[str, str]:
    """Every generated page by its name below ``docs/``."""
    return {
        **checks(),
        **remedies(),
        **atlas(),
        **command_line(),
        **configuration(),
        **schema(),
        **python_reference(),
        **repository(),
    }


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
    for entry in explain():
        d: Mapping[str, Any] = entry.to_dict()
        needs = ", ".join(d["needs"])
        studies = "\n".join(f"- {study_link(s)}" for s in d["studies"])
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


def _tried(remedy: Any) -> str:
    """A remedy as it is tried on the command line."""
    if remedy.ask is not None:
        return f"unseen improve items.csv --model openai:gpt-5-mini --shift 'held-out kind' --remedy {remedy.name}"
    return f"unseen improve data.csv --target label --shift 'held-out site' --remedy {remedy.name}"


def remedies() -> dict[str, str]:
    """One page a remedy, and their list."""
    pages: dict[str, str] = {}
    listed: list[tuple[str, ...]] = []
    for entry in explain("remedy"):
        d: Mapping[str, Any] = entry.to_dict()
        name = d["code"].partition(":")[2]
        studies = "\n".join(f"- {study_link(s)}" for s in entry.studies)  # type: ignore[union-attr]
        settings = "\n".join(f"- {cell(s)}" for s in d["settings"])
        needs = "\n".join(f"- {cell(n)}" for n in d["needs"])
        pages[f"remedies/{name}"] = (
            f"# {d['title']}\n\n`{d['code']}` · {d['kind']}\n\n{d['what']}\n\n## Needs\n\n"
            f"{needs or 'Nothing beyond the data and the learner.'}\n\n## Cost\n\n{d['cost']}\n\n## Helps where\n\n"
            f"{d['assumptions'] or 'Nothing more is known.'}\n\n## Settings tried\n\n{settings or 'None.'}\n\n## Sources\n\n"
            + "\n".join(f"- {s}" for s in d["sources"])
            + f"\n\n## Studies\n\n{studies or 'None of the atlas yet.'}\n\n## Try it alone\n\n"
            f"```bash\n{_tried(entry.remedy)}\n```\n"
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
    """The claims behind checks and remedies as one table with filters, and the page of every study that is done."""
    # A page may end in plans and code that only this site shows; what the atlas says of itself is its own.
    made = {name.removesuffix(".md"): text for name, text in documents().items()}
    overview = made.pop("atlas")
    pages: dict[str, str] = {}
    listed: list[tuple[str, ...]] = []
    entries = sorted(ledger(), key=lambda e: ORDER[e.state])
    for e in entries:
        d = e.to_dict()
        slug, name = d["slug"], f"atlas/{d['slug']}"
        if name in made:
            code = f":::{{dropdown}} Code\n````{{code-block}} py\n{code_of(slug)}\n````\n:::\n"
            head, _, rest = blocks_for_show(made[name]).partition("\n## Parts\n")
            pages[name] = f"{head}\n{shown(e)}\n## Parts\n{rest}\n{code}"
        listed.append((
            f"[{slug}]({slug}.md)" if name in made else slug, d["state"], d["verdict"] or "–", d["fidelity"] or "–",
            effect_text(d["effect"], d["unit"]) if d["effect"] else "–", claimed_text(d) or "–", cell(d["kind"]), str(d["wave"]), linked(e), cell(d["claim"]),
        ))  # fmt: skip
    # Its own table is replaced by one with filters, over all rows; what it says above it stays.
    told = overview.partition("\n| ")[0]
    # Each study is linked by its page, here as on the report of the atlas by its article.
    all_of_them = headlines([e for e in entries if e.state == "done"])
    drawn = raw(re.sub(r'<a href="#([a-z0-9-]+)">', r'<a href="\1.html">', all_of_them))
    heads = ("study", "state", "verdict", "fidelity", "effect", "claimed", "kind", "wave", "title", "claim")
    pages["atlas/index"] = (
        f"{told}\n\n:::{{dropdown}} All headlines in one picture\n{drawn}:::\n\n{table(heads, listed, filterable=True)}{toctree(name.split('/')[1] for name in pages)}"
    )
    return pages


def shown(e: Entry) -> str:
    """The headline that decides as a picture with its seeds, and how to cite the re-test."""
    result = e.result or {}
    part = deciding(result["parts"])
    told = f"{html.escape(part['statement'])} {effect_text(part['estimate'], part['unit'])}, {held_against(part)}"
    drawn = raw(f"<figure>{picture(part)}<figcaption>{told}</figcaption></figure>") if part["estimate"] else ""
    return f"{drawn}\n:::{{dropdown}} Cite\n```text\n{cite_text(result, e.link)}\n```\n:::\n"


def raw(content: str) -> str:
    """HTML as a block of Markdown."""
    return f'```{{raw}} html\n<div class="atlas-picture">{content}</div>\n```\n'


def blocks_for_show(text: str) -> str:
    """Markdown whose blocks of Python are shown and not run."""
    return text.replace("```python", "```py")


def study_link(study: Mapping[str, Any]) -> str:
    """A study that is cited: in which direction, what its evidence says, linked where it has a page."""
    slug = study["slug"]
    linked = study.get("state") == "done"
    name = f"[{slug}](../atlas/{slug}.md)" if linked else f"`{slug}`"
    said = ", ".join(str(study[k]) for k in ("direction",) if study.get(k))
    verdict = study.get("verdict") or study.get("state") or "planned"
    sentence = " ".join(str(study.get("sentence") or "").split())
    return f"{name}{f' ({said})' if said else ''}: {verdict}{f'. {sentence}' if sentence else ''}"


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


@cache
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


# Packages that the reference covers, with what their part of it is called; what each makes public is its own list.
PACKAGES = {
    "unseen": "unseen", "unseen.testing": "In tests", "unseen.checks": "Outcomes of checks", "unseen.responses": "Responses",
    "unseen.shifts": "Shifts", "unseen.learners": "Learners", "unseen.learners.language": "Language models (extra `lm`)",
    "unseen.tasks": "Tasks", "unseen.remedies": "Remedies",
    "unseen.planning": "Planning", "unseen.training": "Training (extra `torch`)",
}  # fmt: skip


# Packages of many modules, each with a page of its own; the docstring of the first module of a theme introduces it.
BY_MODULE = {
    "unseen.estimates": ("estimates", "Estimates", "The statistics: intervals, tests, contrasts, difficulty, confidence, what needs no labels."),
    "unseen.measures": ("measures", "Measures", "Quantities of a model or of data that checks and studies share."),
    "unseen.adaptation": ("adaptation", "Adaptation (extra `torch`)", "What a model does at test time with inputs that it was not trained on."),
}  # fmt: skip


# What stands in place of what can't be imported (`make docs-light`).
WITHOUT_TORCH = "Built without torch, so that this is not shown"


def by_module(package: str, title: str, intro: str) -> str:
    """All that the modules of a package make public, module by module."""
    root = importlib.import_module(package)
    found = sorted(m.name for m in pkgutil.walk_packages(root.__path__, f"{package}.") if "._" not in m.name)
    text, theme = f"# {title}\n\n{intro}\n", ""
    left_out: list[str] = []
    for name in found:
        try:
            module = importlib.import_module(name)
        except MissingExtra:
            left_out.append(name)
            continue
        public = [
            n for n, thing in vars(module).items()
            if not n.startswith("_") and (inspect.isclass(thing) or inspect.isroutine(thing)) and thing.__module__ == name
        ]  # fmt: skip
        if hasattr(module, "__path__"):
            theme = (module.__doc__ or "").strip().split("\n")[0]
            text += f"\n## {name.rpartition('.')[2].capitalize()}\n\n{theme}\n"
        elif public:
            lines = "\n".join(f"   {n}" for n in public)
            first = (module.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
            level = "###" if theme else "##"
            text += f"\n{level} {name.rpartition('.')[2]}\n\n{first}\n\n```{{eval-rst}}\n.. currentmodule:: {name}\n\n.. autosummary::\n   :toctree: generated\n   :nosignatures:\n\n{lines}\n```\n"
    return text + (f"\n{WITHOUT_TORCH}: {', '.join(f'`{n}`' for n in left_out)}.\n" if left_out else "")


def python_reference() -> dict[str, str]:
    """What each package makes public, for autosummary to fill in."""
    listed_apart = "\n".join(
        f"- [](api-{name}.md): {intro[0].lower()}{intro[1:]}" for name, _, intro in BY_MODULE.values()
    )
    text = (
        "# Python\n\nWhat most need stands in `unseen` itself; the packages below hold what it is made of, and three have pages "
        f"of their own:\n\n{listed_apart}\n" + toctree(f"api-{name}" for name, *_ in BY_MODULE.values())
    )
    listed: set[str] = set()
    for package, title in PACKAGES.items():
        try:
            module = importlib.import_module(package)
            for name in module.__all__:
                getattr(module, name)
        except MissingExtra:
            text += f"\n## {title}\n\n{WITHOUT_TORCH}.\n"
            continue
        things = {n: getattr(module, n) for n in module.__all__}
        names = [
            n for n, thing in things.items() if (inspect.isclass(thing) or inspect.isroutine(thing)) and n not in listed
        ]
        listed |= set(names) if package == "unseen" else set()
        lines = "\n".join(f"   {n}" for n in sorted(names, key=lambda n: (not n[0].islower(), n)))
        text += f"\n## {title}\n\n```{{eval-rst}}\n.. currentmodule:: {package}\n\n.. autosummary::\n   :toctree: generated\n   :nosignatures:\n\n{lines}\n```\n"
    apart = {f"reference/api-{name}": by_module(package, *told) for package, (name, *told) in BY_MODULE.items()}
    return {"reference/api": text, **apart}


def toctree(names: Iterable[str]) -> str:
    listed = "\n".join(sorted(n for n in names if n != "index"))
    return f"\n```{{toctree}}\n:hidden:\n\n{listed}\n```\n"
