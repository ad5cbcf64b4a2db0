"""The catalogue, to keep: what its three resources share.

Nothing in it is deleted: what is out of use has `active: false`.
"""

from typing import Annotated, Any

from fastapi import Query
from pydantic import StringConstraints

from titer.domain.reference.rules import CODE
from titer.kit.errors import (
    Duplicate,
    InvalidBody,
    InvalidId,
    InvalidReference,
    NotFound,
    PreconditionFailed,
    Problem,
)
from titer.kit.web.fields import QueryFlag, QueryText
from titer.surfaces.settings.wire import Paged

ONE: tuple[type[Problem], ...] = (InvalidId, NotFound)
NEW: tuple[type[Problem], ...] = (InvalidBody, InvalidReference, Duplicate)
CHANGE: tuple[type[Problem], ...] = (*ONE, *NEW, PreconditionFailed)

CatalogueCode = Annotated[str, StringConstraints(strict=True, pattern=f"^{CODE.pattern}$")]


class CatalogueQuery(Paged):
    """Which records are wanted; `name` finds a part of the name, in any case."""

    active: QueryFlag | None = None
    name: QueryText | None = None
    code: QueryText | None = None

    def filter(self) -> dict[str, Any]:
        return self.model_dump(exclude={"limit", "cursor"})


Wanted = Annotated[CatalogueQuery, Query()]
