"""One clear error where torch is not installed."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Generator, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

from unseen.errors import MissingExtra


def lacks_torch(error: BaseException) -> bool:
    """Whether an import failed for want of torch.

    >>> lacks_torch(ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn"))
    True
    >>> lacks_torch(ModuleNotFoundError("No module named 'torchvision'", name="torchvision"))
    False
    """
    return isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] == "torch"


@contextlib.contextmanager
def needs_torch(what: str) -> Generator[None]:
    """Turn a failed import of torch inside into an error that names the extra.

    Raises:
        MissingExtra: torch is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if lacks_torch(error):
            raise MissingExtra(what, "torch") from None
        raise


def name_torch_extra(package: str) -> None:
    """Let the modules of a package that need torch name the extra when they are imported without it.

    Packages whose files import torch at the top call this in their ``__init__``. Where torch is installed nothing
    happens. Where it is not, imports of the package's own modules, and of no others, go through ``needs_torch``.

    Args:
        package: Full name, as in ``__name__``; packages inside it are covered.
    """
    if _torch_is_there():
        return
    guards = [f for f in sys.meta_path if isinstance(f, _Guard)]
    if not guards:
        guards = [_Guard()]
        sys.meta_path.insert(0, guards[0])
    guards[0].packages.add(package)


def _torch_is_there() -> bool:
    try:
        return importlib.util.find_spec("torch") is not None
    except (ImportError, ValueError):
        return False


class _Guard:
    """Finds modules of guarded packages as usual, and hands them to the loader below."""

    def __init__(self) -> None:
        self.packages: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The usual spec with another loader, or None where the module is none of ours."""
        if not any(fullname.startswith(f"{package}.") for package in self.packages):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    """Runs a module, and names the extra where it stops at torch."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module."""
        with needs_torch(module.__name__):
            super().exec_module(module)
