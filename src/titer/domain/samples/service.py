"""Use cases of samples: registering, changing, receiving, moving along the workflow."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol

from titer.domain.clients.models import Client
from titer.domain.commerce.repository import Orders, Products, Skus
from titer.domain.commerce.rules import OrderStatus
from titer.domain.commerce.service import follow
from titer.domain.organizations.service import spend_samples
from titer.domain.projects.models import Project
from titer.domain.projects.rules import ProjectStatus, SampleIdScheme
from titer.domain.reference.models import TestDefinition
from titer.domain.reference.repository import Analytes
from titer.domain.reference.rules import Resource
from titer.domain.reference.service import merged_fields
from titer.domain.samples import rules
from titer.domain.samples.errors import InvalidTransition
from titer.domain.samples.models import AnalyteResult, Sample, SampleTest
from titer.domain.samples.repository import Named, Names, Samples, SampleTests
from titer.domain.samples.rules import Blocker, Status, TestStatus
from titer.kit.errors import Detail, Duplicate, InvalidBody, InvalidReference, at_fault, unknown
from titer.kit.tenancy import TenantSession


@dataclass(frozen=True, slots=True)
class Intake:
    """What is known of a sample when it is registered."""

    material_type_id: int
    client_id: int | None = None
    client_name: str | None = None
    project_id: int | None = None
    storage_location_id: int | None = None
    plant_location: str | None = None
    collection_date: str | None = None
    priority: rules.Priority = rules.Priority.NORMAL
    notes: str | None = None
    external_id: str | None = None
    test_definition_ids: tuple[int, ...] = ()
    name: str | None = None
    order_id: int | None = None
    sku_id: int | None = None
    lot: str | None = None
    batch: str | None = None
    composite: bool = False
    number_of_composites: int = 1
    serving_size: str | None = None
    custom_fields: Mapping[str, str | None] = field(default_factory=dict)
    #: What every test that is scheduled with the sample says.
    test_custom_fields: Mapping[str, str | None] = field(default_factory=dict)


#: What the fields of an intake are that a sample keeps just as they are said.
_SAID = (
    "name",
    "order_id",
    "sku_id",
    "lot",
    "batch",
    "composite",
    "number_of_composites",
    "serving_size",
)


@dataclass(frozen=True, slots=True)
class References:
    """The records that an intake names, found and fit for use."""

    client: Client | None
    project: Project | None
    definitions: tuple[TestDefinition, ...]
    #: The sample that has the external id already.
    holder: int | None


async def register(session: TenantSession, intake: Intake) -> tuple[Sample, list[SampleTest]]:
    """Register a sample and schedule its tests; the order that it comes to takes note of it.

    Raises what `enroll` raises.
    """
    sample, tests = await enroll(session, intake)
    await move_orders(session, [sample])
    return sample, tests


async def enroll(session: TenantSession, intake: Intake) -> tuple[Sample, list[SampleTest]]:
    """Register a sample and schedule its tests, with an order whose status is settled already.

    Raises `InvalidReference`, `InvalidBody` (a missing plant location, a day to come),
    `Duplicate` (external id) and `SampleLimitExceeded`.
    """
    _check_collection_date(session, intake.collection_date)
    found = await _references(session, intake)
    _refuse_taken(intake.external_id, found.holder)
    tracking_id = await _next_tracking_id(session, intake, found.project)
    (sample_id,), test_ids = await session.take_ids(
        (Sample, 1), (SampleTest, len(found.definitions))
    )
    # The tally is one row that every intake wants: it is taken last, and held shortest.
    await spend_samples(session)
    sample = Sample(
        id=sample_id,
        tracking_id=tracking_id,
        external_id=intake.external_id,
        status=Status.PENDING,
        priority=intake.priority,
        client_id=found.client.id if found.client else None,
        client_name=found.client.name if found.client else intake.client_name,
        material_type_id=intake.material_type_id,
        project_id=intake.project_id,
        storage_location_id=intake.storage_location_id,
        plant_location=intake.plant_location,
        collection_date=intake.collection_date,
        notes=intake.notes,
        created_by=session.actor.user_id,
        custom_fields=await merged_fields(session, Resource.SAMPLE, {}, intake.custom_fields)
        if intake.custom_fields
        else {},
        **{name: getattr(intake, name) for name in _SAID},
    )
    session.label(sample, "registered")
    session.enter(sample)
    filled = intake.test_custom_fields
    if filled:
        filled = await merged_fields(session, Resource.TEST, {}, filled)
    return sample, await _schedule(session, sample, found.definitions, test_ids, filled)


async def change(
    session: TenantSession,
    sample_id: int,
    values: Mapping[str, Any],
    expected: int | None = None,
) -> Sample:
    """Change what is known of a sample, and schedule further tests; never its status.

    Raises `NotFound`, `PreconditionFailed`, `InvalidTransition` for a reported sample, and what
    `register` raises.
    """
    sample = await Samples(session).get_for_change(sample_id, expected)
    refuse_if_reported(sample)
    left = sample.order_id
    further = tuple(values.get("test_definition_ids") or ())
    intake = replace(_as_intake(sample), **{**values, "test_definition_ids": further})
    if "client_name" in values and "client_id" not in values:
        intake = replace(intake, client_id=None)
    if "client_name" not in values and intake.client_id is not None:
        # The stored name is as the client was called then: no claim that the two still agree.
        intake = replace(intake, client_name=None)
    if "collection_date" in values:
        _check_collection_date(session, intake.collection_date)
    found = await _references(session, intake, already=_as_intake(sample))
    if intake.external_id != sample.external_id:
        _refuse_taken(intake.external_id, found.holder)
    apart = {"test_definition_ids", "client_id", "client_name", "custom_fields"}
    for name in values.keys() - apart:
        setattr(sample, name, getattr(intake, name))
    if "custom_fields" in values:
        said = values["custom_fields"]
        had = sample.custom_fields
        sample.custom_fields = await merged_fields(session, Resource.SAMPLE, had, said)
    if values.keys() & {"client_id", "client_name"}:
        sample.client_id = found.client.id if found.client else None
        sample.client_name = found.client.name if found.client else str(intake.client_name)
    if further:
        await _schedule_further(session, sample, found.definitions)
    await session.flush()
    if sample.order_id != left:
        await move_orders(session, [sample], left)
    return sample


async def move(
    session: TenantSession, sample_id: int, to: Status, expected: int | None = None
) -> Sample:
    """Take one step of the workflow. The same status again changes nothing.

    Raises `NotFound`, `PreconditionFailed`, and `InvalidTransition` with what is allowed and what
    stands in the way.
    """
    sample = await Samples(session).get_for_change(sample_id, expected)
    now = Status(sample.status)
    if now is to:
        return sample
    refuse_if_reported(sample)
    if to not in rules.ALLOWED[now]:
        raise _not_allowed(sample, f"A {now} sample cannot become {to}.")
    obstacles = rules.blockers(now, to, await SampleTests(session).states(sample_id))
    if obstacles:
        raise _not_allowed(sample, f"The sample cannot become {to} yet.", obstacles)
    set_status(session, sample, to)
    await session.flush()
    await move_orders(session, [sample])
    return sample


async def receive(
    session: TenantSession, sample_ids: Sequence[int]
) -> tuple[list[Sample], list[Sample]]:
    """Receive samples: those received now, and those that already were. All or nothing.

    Raises `InvalidReference` naming the ids that are not there.
    """
    found = await Samples(session).locked(sample_ids)
    absent = [sample_id for sample_id in sample_ids if sample_id not in found]
    if absent:
        raise unknown("sampleIds", absent)
    samples = [found[sample_id] for sample_id in sample_ids]
    arriving = [sample for sample in samples if sample.status == Status.PENDING]
    for sample in arriving:
        set_status(session, sample, Status.RECEIVED)
    await session.flush()
    await move_orders(session, arriving)
    return arriving, [sample for sample in samples if sample not in arriving]


def set_status(session: TenantSession, sample: Sample, to: Status) -> None:
    """Set the status and its stamps: the one place that writes them."""
    old = Status(sample.status)
    sample.status = to
    match old, to:
        case Status.PENDING, Status.RECEIVED:
            sample.received_at = session.now
        case _, Status.PENDING:
            sample.received_at = None
        case _, Status.COMPLETED:
            sample.completed_at = session.now
        case _, Status.VERIFIED:
            sample.verified_at = session.now
        case ((Status.COMPLETED | Status.VERIFIED), Status.PROCESSING):
            sample.completed_at = sample.verified_at = None
    session.label(sample, to if to is not Status.PENDING else "sent_back")


class HasStatus(Protocol):
    """A sample, or as much of one as its status is judged by."""

    @property
    def status(self) -> str: ...

    @property
    def reported_at(self) -> datetime | None: ...

    @property
    def order_id(self) -> int | None: ...


async def move_orders(
    session: TenantSession, samples: Iterable[HasStatus], left: int | None = None
) -> None:
    """Let the orders of samples follow what has become of these, and the one that one has left."""
    order_ids = {sample.order_id for sample in samples} | {left}
    known = sorted(order_id for order_id in order_ids if order_id is not None)
    if not known:
        return
    orders = await Orders(session).held(known)
    # Read when the orders are locked: of two samples that move at once the second sees the first.
    states = await Samples(session).states_by_order(known)
    for order in orders:
        follow(session, order, rules.progress_of(states[order.id]))
    await session.flush()


def refuse_if_reported(sample: HasStatus) -> None:
    """Raise `InvalidTransition` if the sample has been reported: it is closed to change."""
    if sample.reported_at is not None:
        raise _not_allowed(sample, "The sample has been reported and is closed to change.")


def _not_allowed(
    sample: HasStatus, sentence: str, obstacles: Sequence[Blocker] = ()
) -> InvalidTransition:
    closed = sample.reported_at is not None
    allowed = () if closed else rules.ALLOWED[Status(sample.status)]
    facts: dict[str, Any] = {"allowed": [str(status) for status in allowed]}
    if obstacles:
        facts["blockers"] = spell_blockers(obstacles)
    return InvalidTransition(sentence, facts=facts)


def spell_blockers(obstacles: Sequence[Blocker]) -> list[dict[str, Any]]:
    return [
        {"code": each.code, "sampleTestId": each.sample_test_id, "message": each.message}
        for each in obstacles
    ]


def _as_intake(sample: Sample) -> Intake:
    return Intake(
        material_type_id=sample.material_type_id,
        client_id=sample.client_id,
        client_name=sample.client_name,
        project_id=sample.project_id,
        storage_location_id=sample.storage_location_id,
        plant_location=sample.plant_location,
        collection_date=sample.collection_date,
        priority=rules.Priority(sample.priority),
        notes=sample.notes,
        external_id=sample.external_id,
        **{name: getattr(sample, name) for name in _SAID},
    )


def _check_collection_date(session: TenantSession, collection_date: str | None) -> None:
    if collection_date is not None and rules.lies_ahead(collection_date, session.now):
        fault = Detail("collectionDate", "must not lie in the future")
        raise InvalidBody(f"{fault.field} {fault.message}.", details=[fault])


def _refuse_taken(external_id: str | None, holder: int | None) -> None:
    if holder is not None:
        raise Duplicate(
            f"A sample with the externalId {external_id!r} already exists.",
            facts={"field": "externalId", "existing_id": holder},
        )


async def _references(
    session: TenantSession, intake: Intake, already: Intake | None = None
) -> References:
    """Find what the intake names. What the sample already had may have gone out of use since."""
    named = await Samples(session).named(
        Names(
            intake.material_type_id,
            intake.client_id,
            intake.client_name,
            intake.project_id,
            intake.storage_location_id,
            intake.external_id,
            intake.test_definition_ids,
        )
    )
    faults: list[InvalidReference] = []
    client = _client(named, intake, already, faults)
    project = named.project
    if intake.project_id is not None:
        kept = already is not None and already.project_id == intake.project_id
        if project is None or (project.status != ProjectStatus.ACTIVE and not kept):
            faults.append(unknown("projectId", [intake.project_id]))
    _check_in_use(named, intake, already, faults)
    await _check_commerce(session, intake, already, client, faults)
    wanted, definitions = intake.test_definition_ids, named.definitions
    absent = [each for each in wanted if each not in definitions or not definitions[each].active]
    if absent:
        faults.append(unknown("testDefinitionIds", absent))
    if faults:
        raise _all_of(faults)
    if project is not None and project.sample_id_scheme == SampleIdScheme.COMPOSITE:
        _require_plant_location(intake, already)
    found = tuple(definitions[each] for each in wanted)
    return References(client, project, found, named.holder)


def _all_of(faults: Sequence[InvalidReference]) -> InvalidReference:
    ids = sorted({each for fault in faults for each in fault.facts["ids"]})  # type: ignore[attr-defined]
    return InvalidReference(
        " ".join(fault.sentence for fault in faults),
        details=[detail for fault in faults for detail in fault.details],
        facts={"ids": ids},
    )


def _check_in_use(
    named: Named, intake: Intake, already: Intake | None, faults: list[InvalidReference]
) -> None:
    material, location = intake.material_type_id, intake.storage_location_id
    if (already is None or already.material_type_id != material) and not (
        named.material and named.material.active
    ):
        faults.append(unknown("materialTypeId", [material]))
    if (
        location is not None
        and (already is None or already.storage_location_id != location)
        and not (named.location and named.location.active)
    ):
        faults.append(unknown("storageLocationId", [location]))


async def _check_commerce(
    session: TenantSession,
    intake: Intake,
    already: Intake | None,
    client: Client | None,
    faults: list[InvalidReference],
) -> None:
    """The order and the product of a sample are its client's. Raises `InvalidBody`."""
    others: list[Detail] = []
    client_id = client.id if client else None
    if intake.order_id is not None:
        order = await Orders(session).find(intake.order_id)
        if order is None:
            faults.append(unknown("orderId", [intake.order_id]))
        elif order.client_id != client_id:
            others.append(Detail("orderId", "is not an order of the sample's client"))
        elif order.status == OrderStatus.CANCELLED and not _kept(already, "order_id", intake):
            others.append(Detail("orderId", "is an order that was cancelled"))
    if intake.sku_id is not None:
        sku = await Skus(session).find(intake.sku_id)
        product = await Products(session).find(sku.product_id) if sku else None
        if sku is None or product is None or not (sku.active or _kept(already, "sku_id", intake)):
            faults.append(unknown("skuId", [intake.sku_id]))
        elif product.client_id != client_id:
            others.append(Detail("skuId", "is not of a product of the sample's client"))
    if others and not faults:
        raise at_fault(others)


def _kept(already: Intake | None, name: str, intake: Intake) -> bool:
    return already is not None and getattr(already, name) == getattr(intake, name)


def _client(
    named: Named, intake: Intake, already: Intake | None, faults: list[InvalidReference]
) -> Client | None:
    client = named.client
    if intake.client_id is None:
        return client if client is not None and client.active else None
    kept = already is not None and already.client_id == intake.client_id
    if client is None or not (client.active or kept):
        faults.append(unknown("clientId", [intake.client_id]))
        return None
    name = intake.client_name
    if name is not None and name.casefold() != client.name_folded:
        fault = Detail("clientName", "is not the name of the client that clientId names")
        raise InvalidBody(f"{fault.field} {fault.message}.", details=[fault])
    return client


def _require_plant_location(intake: Intake, already: Intake | None) -> None:
    # A sample that came into the project before it asked for plant locations may go without.
    without = already is not None and already.plant_location is None
    kept = already is not None and already.project_id == intake.project_id and without
    if intake.plant_location is None and not kept:
        fault = Detail("plantLocation", "is required by this project's composite sample ids")
        raise InvalidBody(f"{fault.field} {fault.message}.", details=[fault])


async def _next_tracking_id(session: TenantSession, intake: Intake, project: Project | None) -> str:
    if project is None or project.sample_id_scheme != SampleIdScheme.COMPOSITE:
        prefix, digits = rules.standard_prefix(session.now), 6
    else:
        day = rules.day_of(intake.collection_date, session.now)
        prefix = rules.composite_prefix(project.code, str(intake.plant_location), day)
        digits = 3
    (number,) = await Samples(session).next_numbers(prefix)
    return rules.spell_tracking_id(prefix, number, digits)


async def _schedule(
    session: TenantSession,
    sample: Sample,
    definitions: Sequence[TestDefinition],
    test_ids: Sequence[int],
    custom_fields: Mapping[str, str | None] = MappingProxyType({}),
) -> list[SampleTest]:
    tests = [
        SampleTest(
            id=test_id,
            sample_id=sample.id,
            tracking_id=sample.tracking_id,
            test_definition_id=definition.id,
            test_code=definition.code,
            test_name=definition.name,
            unit=definition.unit,
            status=TestStatus.PENDING,
            specification="no_spec",
            panel=definition.panel,
            custom_fields=dict(custom_fields),
        )
        for test_id, definition in zip(test_ids, definitions, strict=True)
    ]
    for test in tests:
        session.label(test, "scheduled")
        session.enter(test)
    await _schedule_analytes(session, tests)
    return tests


async def _schedule_analytes(session: TenantSession, tests: Sequence[SampleTest]) -> None:
    """Give each panel a place for the result of each of its analytes in use."""
    panels = [test for test in tests if test.panel]
    if not panels:
        return
    analytes = await Analytes(session).of_each({test.test_definition_id for test in panels})
    session.add_all(
        AnalyteResult(
            sample_test_id=test.id,
            analyte_id=analyte.id,
            position=analyte.position,
            code=analyte.code,
            name=analyte.name,
            unit=analyte.unit,
            specification="no_spec",
        )
        for test in panels
        for analyte in analytes[test.test_definition_id]
        if analyte.active
    )
    await session.flush()


async def _schedule_further(
    session: TenantSession, sample: Sample, definitions: Sequence[TestDefinition]
) -> None:
    """Schedule what is not scheduled yet: asking again for a test that is there adds nothing."""
    have = {test.test_definition_id for test in await SampleTests(session).of(sample.id)}
    further = [definition for definition in definitions if definition.id not in have]
    if further and sample.status in {Status.COMPLETED, Status.VERIFIED}:
        raise _not_allowed(
            sample, f"A {sample.status} sample takes no further tests: move it back first."
        )
    if further:
        session.touch(sample)
        session.label(sample, "tests_added")
    (test_ids,) = await session.take_ids((SampleTest, len(further)))
    await _schedule(session, sample, further, test_ids)
