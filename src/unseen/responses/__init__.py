"""The response table: its columns, its validation, its readers."""

from unseen.responses.table import Coded, Responses, ScoreKind

__all__ = ["Coded", "Responses", "ScoreKind"]
