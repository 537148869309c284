"""The example table and the data sets that ship with the package."""

from unseen.data.examples import Examples

__all__ = ["Examples"]
