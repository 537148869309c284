"""See docs/architecture.md."""

from unseen.engine.torch_extra import name_torch_extra

name_torch_extra(__name__)
