"""The type of a row whose columns a query decides."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Row

AnyRow = Row[*tuple[Any, ...]]
"""Columns are attributes; what they hold, `service.store.schema` says."""
