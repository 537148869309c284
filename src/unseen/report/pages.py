"""What every page of ours is made of: templates, styles, scripts, the policy that lets nothing else run."""

from __future__ import annotations

import base64
import hashlib
import html
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template


@cache
def asset(name: str) -> str:
    """Text of a file beside the templates."""
    return (files("unseen.report") / "templates" / name).read_text(encoding="utf-8")


@cache
def template(name: str) -> Template:
    """A template of this package; what is filled in is escaped, and a name that is missing is an error."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(asset(name))


def content_policy(style: str, script: str, *, connect: str = "'none'") -> str:
    """Nothing may be loaded, and only our own style and script may run.

    Args:
        style: The one style sheet.
        script: The one script.
        connect: What the script may ask; the server of the page at most.
    """

    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    return (
        f"default-src 'none'; style-src 'sha256-{digest(style)}'; script-src 'sha256-{digest(script)}'; "
        f"connect-src {connect}; img-src data:; base-uri 'none'; form-action 'none'"
    )


def framed(page: str, title: str) -> str:
    """A whole page inside a frame that may run its script and nothing else."""
    return (
        f'<iframe srcdoc="{html.escape(page, quote=True)}" sandbox="allow-scripts" title="{html.escape(title)}" '
        'style="width:100%;height:720px;border:1px solid #ccc;border-radius:8px"></iframe>'
    )


__all__ = ["asset", "content_policy", "framed", "template"]
