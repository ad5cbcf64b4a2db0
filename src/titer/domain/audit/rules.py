"""What an audit event says, to the byte."""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

from titer.kit.clock import spell


def entity_type(class_name: str) -> str:
    """`SampleTest` is a `sample_test` in the trail."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", class_name).lower()


def plain(value: object) -> object:
    """A value as the trail keeps it: JSON's own kinds, exact decimals as text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, datetime):
        return spell(value)
    if isinstance(value, date | UUID | Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    raise TypeError(f"the trail cannot keep a {type(value).__name__}")


def canonical(event: Mapping[str, Any]) -> str:
    """The one spelling of an event: sorted keys, no blanks, UTF-8. This is what is hashed."""
    return json.dumps(plain(event), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


#: Bookkeeping that an event says already: whose record it is, when, and which version.
_BOOKKEEPING = frozenset({"organization_id", "created_at", "updated_at"})


def differences(text: str) -> list[tuple[str, Any, Any]]:
    """What a canonical event says has changed: field, before, after, in the fields' order."""
    event = json.loads(text)
    before, after = event["before"], event["after"]
    return [
        (name, before.get(name), after.get(name))
        for name in sorted((before.keys() | after.keys()) - _BOOKKEEPING)
        if before.get(name) != after.get(name)
    ]


def content_hash(text: str) -> bytes:
    """SHA-256 of the canonical text."""
    return sha256(text.encode()).digest()
