"""What a signature covers, to the byte, and when it holds. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any

from titer.domain.audit.rules import canonical

#: How a person proves to be the one who signs.
BY_PASSWORD = "password"  # noqa: S105 - the name of a method
#: The fields below. Another choice of fields is another format: signatures outlive releases.
FORMAT = 1


class Signable(StrEnum):
    """The kinds of record that people sign, in the audit trail's words."""

    SAMPLE_TEST = "sample_test"
    SAMPLE = "sample"
    APPROVAL = "approval"


_TEST = (
    "id", "sample_id", "tracking_id", "test_definition_id", "test_code", "test_name", "unit",
    "status", "result", "result_operator", "result_value", "specification", "spec_min", "spec_max",
    "notes", "source", "entered_by", "entered_at", "verified_by", "verified_at",
    "created_at", "updated_at", "version",
)  # fmt: skip
FIELDS: Mapping[Signable, tuple[str, ...]] = {
    Signable.SAMPLE_TEST: _TEST,
    Signable.SAMPLE: (
        "id", "tracking_id", "external_id", "status", "priority", "client_id", "client_name",
        "material_type_id", "project_id", "storage_location_id", "plant_location",
        "collection_date", "notes", "received_at", "completed_at", "verified_at", "reported_at",
        "created_by", "created_at", "updated_at", "version",
    ),
    Signable.APPROVAL: (
        "id", "sample_id", "sample_test_id", "kind", "status", "comment", "decided_by",
        "decided_at", "superseded_at", "created_at", "updated_at", "version",
    ),
}  # fmt: skip


def record_hash(kind: Signable, record: Any, tests: Sequence[Any] = ()) -> str:
    """SHA-256 of the record's canonical JSON. A sample is signed with each of its tests."""
    told: dict[str, Any] = {
        "format": FORMAT,
        "entity_type": kind,
        "organization_id": record.organization_id,
        "record": {name: getattr(record, name) for name in FIELDS[kind]},
    }
    if kind is Signable.SAMPLE:
        in_order = sorted(tests, key=lambda test: int(test.id))
        told["tests"] = [{name: getattr(test, name) for name in _TEST} for test in in_order]
    return sha256(canonical(told).encode()).hexdigest()


class Standing(StrEnum):
    """What has become of a signature."""

    #: The record stands exactly as it was signed.
    INTACT = "intact"
    #: The record has gone on to a later version, by a change that the audit trail tells of.
    SUPERSEDED = "superseded"
    #: The record, or the signature itself, is not what was written: somebody has tampered.
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is found now about a signature's record: None where there is none any more."""

    version: int | None
    hash: str | None
    #: Whether the audit trail tells of the change that led to this version.
    told: bool
    #: Whether the audit trail tells of this very signature.
    witnessed: bool


def standing(signed_version: int, signed_hash: str, now: Evidence) -> Standing:
    """Whether a signature holds."""
    if not now.witnessed or now.version is None or now.version < signed_version:
        return Standing.BROKEN
    if now.version > signed_version:
        return Standing.SUPERSEDED if now.told else Standing.BROKEN
    return Standing.INTACT if now.hash == signed_hash else Standing.BROKEN
