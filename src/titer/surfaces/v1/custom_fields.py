"""`customFields`: what the organization has defined for its samples and tests, by key."""

from typing import Annotated

from pydantic import Field, StringConstraints

from titer.domain.reference.rules import FIELD_KEY
from titer.kit.web.fields import Text

FieldKey = Annotated[str, StringConstraints(strict=True, pattern=f"^{FIELD_KEY.pattern}$")]
CustomValues = Annotated[
    dict[FieldKey, Text | None],
    Field(max_length=100, description="Texts by key; null clears one, what is left out stays."),
]
