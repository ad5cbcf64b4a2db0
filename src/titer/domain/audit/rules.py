"""What an audit event says, to the byte."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from hashlib import sha256
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from titer.kit.clock import spell_stamp


@cache
def entity_type(class_name: str) -> str:
    """`SampleTest` is a `sample_test` in the trail."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", class_name).lower()


#: What most values are, told apart at once.
_PLAIN = frozenset({str, int, bool, type(None)})


def plain(value: object) -> object:
    """A value as the trail keeps it: JSON's own kinds, exact decimals as text."""
    if type(value) in _PLAIN:
        return value
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, datetime):
        return spell_stamp(value)
    if isinstance(value, date | UUID | Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    raise TypeError(f"the trail cannot keep a {type(value).__name__}")


#: What orjson would spell in its own way is left to `plain`.
_OURS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def canonical(event: Mapping[str, Any]) -> str:
    """The one spelling of an event: sorted keys, no blanks, UTF-8. This is what is hashed."""
    for part in (event, event.get("before"), event.get("after")):
        if isinstance(part, Mapping) and float in map(type, part.values()):
            raise TypeError("the trail cannot keep a float")
    try:
        text = orjson.dumps(event, default=plain, option=orjson.OPT_SORT_KEYS | _OURS)
    except TypeError:  # keys that are no texts, or what `plain` has better words for
        text = orjson.dumps(plain(event), option=orjson.OPT_SORT_KEYS)
    return text.decode()


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


def genesis(organization_public_id: UUID) -> bytes:
    """What the first link of an organization's chain follows: SHA-256 of its public id."""
    return sha256(organization_public_id.bytes).digest()


def link_hash(previous: bytes, seq: int, content: bytes) -> bytes:
    """SHA-256 of the previous hash, this link's number (8 bytes, big-endian) and the content."""
    return sha256(previous + seq.to_bytes(8, "big") + content).digest()


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that the chain shows to have been tampered with."""

    seq: int | None
    event_id: int | None
    what: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """What the head of a chain was once, kept somewhere that a tamperer does not reach."""

    organization_id: int
    seq: int
    hash: bytes


#: The columns that repeat what the canonical text says, so that people can query them.
REPEATED = (
    "occurred_at",
    "actor_kind",
    "actor_label",
    "user_id",
    "key_id",
    "request_id",
    "action",
    "entity_type",
    "entity_id",
    "entity_version",
    "reason",
    "organization_id",
)
_repeated = itemgetter(*REPEATED)


class Entry(NamedTuple):
    """An event with its link, as much of it as is checked."""

    seq: int
    previous: bytes
    hash: bytes
    event_id: int
    content_hash: bytes
    canonical: str
    #: What the columns of `REPEATED` hold, as the canonical text would say it.
    columns: tuple[Any, ...]


#: What reading raises where a tamperer has left a value of another kind than ours.
_UNREADABLE = (AttributeError, KeyError, OverflowError, TypeError, ValueError)


def _or_none(read: Callable[..., Any], *values: Any) -> Any:
    try:
        return read(*values)
    except _UNREADABLE:
        return None


class Inspector:
    """Reads a chain from its first link on, and notes every fault."""

    def __init__(self, origin: bytes, anchors: Iterable[Anchor] = ()) -> None:
        self.head = origin
        self.seq = 0
        self.faults: list[Fault] = []
        self._anchors = {anchor.seq: anchor.hash for anchor in anchors}

    def resume(self, known: Anchor, found: bytes | None) -> None:
        """Go on after a link that was known before, if the chain still has it as it was."""
        if found is None:
            self.faults.append(Fault(known.seq, None, "an anchored link is missing"))
        elif found != known.hash:
            self.faults.append(Fault(known.seq, None, "the link is not the one that was anchored"))
        self.seq, self.head = known.seq, known.hash

    def read(self, entry: Entry) -> None:
        if not self._is_sound(entry):
            self._name_faults(entry)
        self._compare_anchor(entry)
        self.seq, self.head = entry.seq, entry.hash

    def _is_sound(self, entry: Entry) -> bool:
        """All checks at once: nearly every entry of a trail passes, and there are many."""
        seq, previous, hashed, _, content, text, columns = entry
        try:
            return (
                seq == self.seq + 1
                and previous == self.head
                and content_hash(text) == content
                and link_hash(previous, seq, content) == hashed
                and _repeated(orjson.loads(text)) == columns
            )
        except _UNREADABLE:
            return False

    def _name_faults(self, entry: Entry) -> None:
        if entry.seq != self.seq + 1:
            self._fault(entry, f"link {self.seq + 1} is missing")
        if entry.previous != self.head:
            self._fault(entry, "the link does not follow the one before it")
        if _or_none(content_hash, entry.canonical) != entry.content_hash:
            self._fault(entry, "the event's text is not what was hashed")
        if _or_none(link_hash, entry.previous, entry.seq, entry.content_hash) != entry.hash:
            self._fault(entry, "the link's hash is not that of its content")
        told = _or_none(lambda text: _repeated(orjson.loads(text)), entry.canonical)
        if told is None:
            self._fault(entry, "the event's text cannot be read")
            return
        for name, said, value in zip(REPEATED, told, entry.columns, strict=True):
            if said != value:
                self._fault(entry, f"the column {name} is not what was hashed")

    def finish(self) -> None:
        """Say what the chain should have had beyond its last link."""
        for seq in sorted(self._anchors):
            self.faults.append(Fault(seq, None, "an anchored link is missing"))

    def _compare_anchor(self, entry: Entry) -> None:
        anchored = self._anchors.pop(entry.seq, None)
        if anchored is not None and anchored != entry.hash:
            self._fault(entry, "the link is not the one that was anchored")

    def _fault(self, entry: Entry, what: str) -> None:
        self.faults.append(Fault(entry.seq, entry.event_id, what))
