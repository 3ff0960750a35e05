"""The data statement, which is the data-quality report."""

from __future__ import annotations

from training.data.statement.document import Statement, make_statement

__all__ = ["Statement", "make_statement"]
