"""Build the documentation: python docs/build.py OUT.

Renders every Markdown page of this folder, one page a check from its own metadata, and the atlas page from the ledger.
"""

from __future__ import annotations

import html
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from markdown_it import MarkdownIt

import unseen
from unseen.api import Page, explain

HERE = Path(__file__).parent
STYLE = """
:root { color-scheme: light dark; --ink: #1d1f24; --paper: #fff; --rule: #d9dce3; --accent: #2457a7; --soft: #f5f6f8 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ee; --paper: #15171c; --rule: #343842; --accent: #8ab4f8; --soft: #1d2027 } }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem; font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper) }
nav a { margin-right: 1rem } a { color: var(--accent) } h1, h2 { line-height: 1.2 }
table { border-collapse: collapse; display: block; overflow-x: auto } th, td { border-bottom: 1px solid var(--rule); padding: .35rem .6rem; text-align: left; vertical-align: top }
pre, code { background: var(--soft); border-radius: 4px } code { padding: .1em .25em } pre { padding: .8rem; overflow-x: auto } pre code { padding: 0 }
img { max-width: 100% }
"""
MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def page(title: str, body: str, depth: int = 0) -> str:
    up = "../" * depth
    links = {
        "Start": "index.html",
        "Checks": "checks/index.html",
        "Atlas": "atlas.html",
        "Architecture": "architecture.html",
    }
    nav = "".join(f'<a href="{up}{target}">{name}</a>' for name, target in links.items())
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body><nav>{nav}</nav>{body}</body></html>\n"
    )


def rendered(text: str) -> str:
    body = MARKDOWN.render(text)
    return re.sub(r'href="(?!https?:)(?:docs/)?([^"#]+)\.md(#[^"]*)?"', r'href="\1.html\2"', body)


def executed(text: str) -> str:
    """A page in which every block marked ``run`` has been run: the command with what it printed.

    Raises:
        RuntimeError: A command failed; a page that shows an error is no documentation.
    """

    def run(block: re.Match[str]) -> str:
        command = block.group(1).strip()
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, "-c", "import sys; from unseen.cli import main; sys.exit(main())", *shlex.split(command)[1:]],
                capture_output=True, text=True, check=False, cwd=folder, env={**os.environ, "COLUMNS": "110"},
            )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{command}\n{done.stderr}")
        print(f"ran: {command}", flush=True)
        return f"```text\n$ {command}\n{done.stdout.rstrip()}\n```"

    return re.sub(r"```run\n(.*?)\n```", run, text, flags=re.DOTALL)


def check_markdown(entry: Page) -> str:
    d = entry.to_dict()
    studies = (
        "\n".join(f"- `{s['slug']}`: {s['verdict'] or s['state']}" for s in d["studies"]) or "None of the atlas yet."
    )
    sources = "\n".join(f"- {s}" for s in d["sources"])
    return (
        f"# {d['code']} {d['title']}\n\n{d['question']}\n\n## Null\n\n{d['null']}\n\n## Effect of interest\n\n"
        f"{d['effect_of_interest']}\n\n## Method\n\n{d['method']}\n\n## Assumptions\n\n{d['assumptions']}\n\n## Needs\n\n"
        f"{', '.join(d['needs'])}\n\n## Sources\n\n{sources}\n\n## Example\n\n> {d['example']}\n\n## Studies\n\n{studies}\n"
    )


def build(out: Path) -> int:
    """Write the site and return the number of pages."""
    shutil.rmtree(out, ignore_errors=True)
    (out / "checks").mkdir(parents=True)
    pages = {p.stem: executed(p.read_text(encoding="utf-8")) for p in sorted(HERE.glob("*.md"))}
    pages["index"] = (HERE.parent / "README.md").read_text(encoding="utf-8")
    for name in ("CHANGELOG", "CONTRIBUTING"):
        pages[name] = (HERE.parent / f"{name}.md").read_text(encoding="utf-8")
    try:
        from unseen.atlas.pages import documents
    except ImportError:
        pages["atlas"] = "# Atlas\n\nNot built.\n"
    else:
        pages |= {name.removesuffix(".md"): text for name, text in documents().items()}
        (out / "atlas").mkdir()
    for stem, text in pages.items():
        title = text.lstrip("# ").splitlines()[0]
        (out / f"{stem}.html").write_text(page(title, rendered(text), stem.count("/")), encoding="utf-8")
    listing = "# Checks\n\n| code | title | question |\n|---|---|---|\n"
    for entry in explain():
        text = check_markdown(entry)
        (out / "checks" / f"{entry.code}.html").write_text(
            page(f"{entry.code} {entry.title}", rendered(text), 1), encoding="utf-8"
        )
        listing += f"| [{entry.code}]({entry.code}.html) | {entry.title} | {entry.question} |\n"
    (out / "checks" / "index.html").write_text(page("Checks", rendered(listing), 1), encoding="utf-8")
    for picture in HERE.glob("*.png"):
        (out / "docs").mkdir(exist_ok=True)
        shutil.copy(picture, out / "docs" / picture.name)
        shutil.copy(picture, out / picture.name)
    broken = [
        f"{path.relative_to(out)} → {target}"
        for path in out.rglob("*.html")
        for target in re.findall(r'(?:href|src)="(?!https?:|#|data:)([^"#]+)', path.read_text(encoding="utf-8"))
        if not (path.parent / target).exists()
    ]
    if broken:
        raise SystemExit("broken links:\n" + "\n".join(broken))
    return len(list(out.rglob("*.html")))


if __name__ == "__main__":
    count = build(Path(sys.argv[1] if len(sys.argv) > 1 else "site"))
    print(f"{count} pages, unseen {unseen.__version__}")
