"""The laboratories that are measured: organizations, their catalogues, samples and tests.

Rows are made from their numbers alone, so that every run has the same. Samples of the
organizations lie interleaved, as years of work leave them.
"""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from titer.kit import tokens
from titer.kit.clock import SystemClock, spell

Row = Sequence[Any]
#: A table's name, its columns, and its rows.
Table = tuple[str, Sequence[str], Iterator[Row]]

TESTS_PER_SAMPLE = 3
DEFINITIONS, MATERIALS, CLIENTS, PROJECTS, STORES, ORDERS = 12, 3, 5, 5, 3, 200
#: So many of the organization's samples, the oldest, are in a project that has no others.
RARE = 20
STEPS = ("pending", "received", "processing", "completed", "verified")
OPEN = ("received", "processing", "completed")
_SEED = 20_260_618


@dataclass(frozen=True)
class Organization:
    """An organization with its keys; the ids of its catalogue follow from its own."""

    id: int
    samples: int
    key: str
    results_key: str

    def nth(self, number: int) -> int:
        """The id of its `number`th record of any kind of reference data, counted from 0."""
        return self.id * 1_000 + number

    @property
    def client_name(self) -> str:
        return f"Client 0 of organization {self.id}"


@dataclass(frozen=True)
class Population:
    """Organizations on one database."""

    organizations: tuple[Organization, ...]
    made_at: str

    @classmethod
    def of(cls, sizes: Sequence[int]) -> "Population":
        return cls(
            tuple(
                Organization(number, size, tokens.mint("lk_"), tokens.mint("lr_"))
                for number, size in enumerate(sizes, 1)
            ),
            spell(SystemClock().now()),
        )

    @classmethod
    def read(cls, kept: dict[str, Any]) -> "Population":
        return cls(tuple(Organization(**each) for each in kept["organizations"]), kept["made_at"])

    def told(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def samples(self) -> int:
        return sum(each.samples for each in self.organizations)

    def tables(self) -> Iterator[Table]:
        """Every table with its rows, in the order of their references."""
        yield from _People(self).tables()
        yield from _Catalogue(self).tables()
        yield from _Work(self).tables()

    def numbered(self) -> Iterator[tuple[int, Organization, int]]:
        """The id of each sample, whose it is, and its number there: the oldest first."""
        owners = [each for each in self.organizations for _ in range(each.samples)]
        random.Random(_SEED).shuffle(owners)
        seen = dict.fromkeys(self.organizations, 0)
        for sample_id, owner in enumerate(owners, 1):
            seen[owner] += 1
            yield sample_id, owner, seen[owner]

    def moment(self) -> datetime:
        return datetime.fromisoformat(self.made_at)


class _People:
    """Organizations, people, keys."""

    def __init__(self, population: Population) -> None:
        self._all = population.organizations
        self._at = population.made_at

    def tables(self) -> Iterator[Table]:
        stamps = ("created_at", "updated_at", "version")
        named = ("id", "public_id", "name", "plan", "require_second_person")
        yield "organizations", (*named, *stamps), self._organizations()
        person = ("id", "organization_id", "public_id", "email", "email_folded", "name", "role")
        yield "users", (*person, "active", "password_hash", *stamps), self._users()
        key = ("id", "organization_id", "name", "key_prefix", "digest", "scopes")
        more = ("created_by", "created_at", "kind", "client_id")
        yield "clients", ("id", "organization_id", *_CLIENT, *stamps), self._clients()
        yield "api_keys", (*key, *more), self._keys()

    def _organizations(self) -> Iterator[Row]:
        for each in self._all:
            name = f"Laboratory {each.id}"
            at = self._at
            yield each.id, str(UUID(int=each.id)), name, "enterprise", False, at, at, 1

    def _users(self) -> Iterator[Row]:
        for each in self._all:
            for number in range(2):
                mail = f"person{number}@lab{each.id}.example"
                known = (each.nth(number), each.id, str(UUID(int=each.nth(number))))
                told = (mail, mail, f"Person {number}", "administrator", True, "none")
                yield *known, *told, self._at, self._at, 1

    def _clients(self) -> Iterator[Row]:
        for each in self._all:
            for number in range(CLIENTS):
                name = f"Client {number} of organization {each.id}"
                folded, at = name.casefold(), self._at
                yield each.nth(number), each.id, name, folded, f"C{number}", True, at, at, 1

    def _keys(self) -> Iterator[Row]:
        for each in self._all:
            for number, text in enumerate((each.key, each.results_key)):
                kind, client = ("results", each.nth(0)) if number else ("lab", None)
                scopes = "read" if number else "read write verify"
                shown = tokens.masked(text)
                known = (each.nth(number), each.id, f"Key {number}", shown, tokens.digest(text))
                yield *known, scopes, each.nth(0), self._at, kind, client


_CLIENT = ("name", "name_folded", "code", "active")


class _Catalogue:
    """Reference data."""

    def __init__(self, population: Population) -> None:
        self._all = population.organizations
        self._at = population.made_at

    def tables(self) -> Iterator[Table]:
        stamps = ("created_at", "updated_at", "version")
        own = ("id", "organization_id")
        coded = (*own, "code", "name", "active", *stamps)
        yield "material_types", coded, self._coded("M", "Material", MATERIALS)
        limits = ("spec_min", "spec_max", "loq")
        defined = (*own, "code", "name", "method", "unit", "decimals", *limits, "active", *stamps)
        yield "test_definitions", defined, self._definitions()
        stores = (*own, "code", "name", "kind", "path", "active", *stamps)
        yield "storage_locations", stores, self._stores()
        scheme = ("status", "sample_id_scheme")
        projects = (*own, "public_id", "code", "name", *scheme, *stamps)
        yield "projects", projects, self._projects()
        flags = ("lot_lookup_enabled", "pdp_embed_enabled", "show_limits_on_pip", "active")
        products = (*own, "client_id", "name", "product_type", *flags, *stamps)
        yield "products", products, self._products()
        yield "skus", (*own, "product_id", "name", "code", "active", *stamps), self._skus()
        ordered = ("number", "client_id", "status", "payment_status", "ordered_at")
        yield "orders", (*own, *ordered, *stamps), self._orders()

    def _coded(self, letter: str, word: str, count: int) -> Iterator[Row]:
        for each in self._all:
            for number in range(count):
                known = (each.nth(number), each.id, f"{letter}{number}", f"{word} {number}")
                yield *known, True, self._at, self._at, 1

    def _definitions(self) -> Iterator[Row]:
        for each in self._all:
            for number in range(DEFINITIONS):
                low, high = (None, "0.015") if number % 3 else ("6.5", "8.5")
                unit = "mg/L" if number % 3 else None
                known = (each.nth(number), each.id, f"T{number}", f"Test number {number}")
                told = ("EPA 200.8", unit, 3, low, high, "0.001", True)
                yield *known, *told, self._at, self._at, 1

    def _stores(self) -> Iterator[Row]:
        for each in self._all:
            for number in range(STORES):
                code = f"F{number}"
                known = (each.nth(number), each.id, code, f"Fridge {number}", "fridge", code)
                yield *known, True, self._at, self._at, 1

    def _projects(self) -> Iterator[Row]:
        for each in self._all:
            for number in range(PROJECTS):
                key = each.nth(number)
                known = (key, each.id, str(UUID(int=key)), f"P{number}", f"Project {number}")
                yield *known, "active", "standard", self._at, self._at, 1

    def _products(self) -> Iterator[Row]:
        for each in self._all:
            for number in range(CLIENTS):
                known = (each.nth(number), each.id, each.nth(number), f"Product {number}")
                flags = ("finished_good", False, False, False, True)
                yield *known, *flags, self._at, self._at, 1

    def _skus(self) -> Iterator[Row]:
        for each in self._all:
            for number in range(CLIENTS):
                known = (each.nth(number), each.id, each.nth(number), "Small", f"SKU-{number}")
                yield *known, True, self._at, self._at, 1

    def _orders(self) -> Iterator[Row]:
        for each in self._all:
            for number in range(ORDERS):
                client = each.nth(number % CLIENTS)
                known = (each.nth(number), each.id, f"O-{number:05}", client)
                yield *known, "in_progress", "paid", self._at, self._at, self._at, 1


SAMPLE = (
    *("id", "organization_id", "tracking_id", "external_id", "status", "priority", "client_id"),
    *("client_name", "material_type_id", "project_id", "storage_location_id"),
    *("collection_date", "notes", "received_at", "completed_at", "verified_at", "reported_at"),
    *("created_by", "created_at", "updated_at", "version", "name", "order_id", "sku_id"),
    *("lot", "batch", "composite", "number_of_composites"),
)
SAMPLE_TEST = (
    *("id", "organization_id", "sample_id", "tracking_id", "test_definition_id", "test_code"),
    *("test_name", "unit", "status", "result", "result_value", "specification", "spec_min"),
    *("spec_max", "loq", "source", "entered_by", "entered_at", "started_at", "verified_by"),
    *("verified_at", "created_at", "updated_at", "version", "panel"),
)


class _Work:
    """Samples and their tests. A sample's number says all about it."""

    def __init__(self, population: Population) -> None:
        self._population = population
        self._now = population.moment()
        self._span = timedelta(days=900) / max(population.samples, 1)

    def tables(self) -> Iterator[Table]:
        year = self._now.astimezone(UTC).year
        counters = ((each.id, f"S-{year}", each.samples) for each in self._all)
        yield "counters", ("organization_id", "prefix", "last"), counters
        yield "samples", SAMPLE, (self._sample(*each) for each in self._population.numbered())
        yield "sample_tests", SAMPLE_TEST, self._tests()

    @property
    def _all(self) -> Sequence[Organization]:
        return self._population.organizations

    def _times(self, sample_id: int, step: int) -> list[str | None]:
        """When it was received, completed, verified and reported."""
        age = self._span * (self._population.samples - sample_id)
        begun = self._now - timedelta(days=2) - age
        moments = [spell(begun + timedelta(hours=hours)) for hours in (0, 20, 24, 25)]
        reached = (step >= 1, step >= 3, step >= 4, step >= 4 and sample_id % 7 != 0)
        return [each if there else None for each, there in zip(moments, reached, strict=True)]

    def _sample(self, sample_id: int, owner: Organization, number: int) -> Row:
        step = _step(sample_id)
        received, completed, verified, reported = self._times(sample_id, step)
        created = received or self._population.made_at
        client = sample_id % CLIENTS
        project = 0 if number <= RARE else 1 + sample_id % (PROJECTS - 1)
        ordered = sample_id % 10 == 0
        return (
            sample_id,
            owner.id,
            _tracking_id(number),
            f"EXT-{sample_id}" if sample_id % 2 else None,
            STEPS[step],
            "normal" if sample_id % 9 else "urgent",
            owner.nth(client) if sample_id % 5 < 4 else None,
            f"Client {client} of organization {owner.id}",
            owner.nth(sample_id % MATERIALS),
            owner.nth(project) if number <= RARE or sample_id % 3 else None,
            owner.nth(sample_id % STORES) if sample_id % 2 else None,
            created[:10],
            "Taken at the second tap, after a minute of running." if sample_id % 3 else None,
            received,
            completed,
            verified,
            reported,
            owner.nth(0),
            created,
            reported or verified or completed or created,
            step + 1,
            f"Sample number {number}" if ordered else None,
            owner.nth(client + CLIENTS * (sample_id // 10 % (ORDERS // CLIENTS)))
            if ordered and client < 4
            else None,
            owner.nth(client) if ordered and client < 4 else None,
            f"L{number // 20:05}" if sample_id % 4 == 0 else None,
            None,
            False,
            1,
        )

    def _tests(self) -> Iterator[Row]:
        test_id = 0
        for sample_id, owner, number in self._population.numbered():
            step = _step(sample_id)
            received, completed, verified, _ = self._times(sample_id, step)
            created = received or self._population.made_at
            for place in range(TESTS_PER_SAMPLE):
                test_id += 1
                done = step >= 3 or (step == 2 and test_id % 2 == 0)
                yield _test(
                    (test_id, owner.id, sample_id, _tracking_id(number)),
                    owner,
                    (sample_id + place) % DEFINITIONS,
                    created=created,
                    entered=(completed or created) if done else None,
                    verified=verified if step >= 4 else None,
                )


def _test(
    known: Row,
    owner: Organization,
    definition: int,
    *,
    created: str,
    entered: str | None,
    verified: str | None,
) -> Row:
    unit = "mg/L" if definition % 3 else None
    low, high = (None, "0.015") if definition % 3 else ("6.5", "8.5")
    value = ("0.002" if definition % 3 else "7.2") if entered else None
    status = "verified" if verified else "completed" if entered else "pending"
    return (
        *known,
        owner.nth(definition),
        f"T{definition}",
        f"Test number {definition}",
        unit,
        status,
        value,
        value,
        "pass" if entered else "no_spec",
        low if entered else None,
        high if entered else None,
        "0.001" if entered else None,
        "manual" if entered else None,
        owner.nth(1) if entered else None,
        entered,
        entered,
        owner.nth(0) if verified else None,
        verified,
        created,
        verified or entered or created,
        1 + bool(entered) + bool(verified),
        False,
    )


def _step(sample_id: int) -> int:
    """How far a sample has come: seven of ten are verified, and most of these reported."""
    place = sample_id * 7919 % 100
    return next(step for step, below in enumerate((5, 10, 25, 30, 100)) if place < below)


def _tracking_id(number: int) -> str:
    return f"S-2026-{number:06}"


_EVENT = (
    *("id", "organization_id", "occurred_at", "actor_kind", "actor_label", "action"),
    *("entity_type", "entity_id", "entity_version", "canonical", "content_hash"),
)


def intake(owner: Organization, count: int, first: Mapping[str, int]) -> Iterator[Table]:
    """Samples that have just come in, each with two tests and three events.

    Their ids follow `first`, the last of each table.
    """
    at, samples, tests = spell(SystemClock().now()), first["samples"] + 1, first["sample_tests"] + 1
    told = ("pending", "normal", owner.nth(0), owner.client_name)
    columns = ("id", "organization_id", "tracking_id", "status", "priority", "client_id")
    more = ("client_name", "material_type_id", "collection_date", "notes", "created_by")
    stamps = ("created_at", "updated_at", "version")

    def sample(number: int) -> Row:
        known = (samples + number, owner.id, f"COPY-{number:06}")
        note = f"Taken at the second tap, number {number}."
        return *known, *told, owner.nth(number % 3), "2026-06-18", note, owner.nth(0), at, at, 1

    def test(number: int) -> Row:
        known = (tests + number, owner.id, samples + number // 2, f"COPY-{number // 2:06}")
        return _test(known, owner, number % DEFINITIONS, created=at, entered=None, verified=None)

    def event(number: int) -> Row:
        entity = "sample_test" if number % 3 else "sample"
        text = json.dumps(dict(zip(SAMPLE, sample(number // 3), strict=False)), sort_keys=True)
        known = (first["audit_events"] + 1 + number, owner.id, at, "cli", "command line")
        whose = (f"{entity}.registered", entity, samples + number // 3, 1)
        return *known, *whose, text, sha256(text.encode()).digest()

    yield "samples", (*columns, *more, *stamps), map(sample, range(count))
    yield "sample_tests", SAMPLE_TEST, map(test, range(2 * count))
    yield "audit_events", _EVENT, map(event, range(3 * count))
