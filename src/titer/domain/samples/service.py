"""Use cases of samples: registering, changing, receiving, moving along the workflow."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol

from titer.domain.commerce.repository import Orders
from titer.domain.commerce.service import follow
from titer.domain.organizations.repository import Organizations
from titer.domain.organizations.rules import month_of
from titer.domain.organizations.service import spend_samples
from titer.domain.projects.rules import SampleIdScheme
from titer.domain.reference.models import Analyte, TestDefinition
from titer.domain.reference.repository import Analytes
from titer.domain.reference.rules import Resource
from titer.domain.reference.service import merge_fields
from titer.domain.samples import rules
from titer.domain.samples.errors import InvalidTransition
from titer.domain.samples.judging import (
    SAID,
    Ground,
    Intake,
    References,
    as_intake,
    check_collection_date,
    refuse_taken,
    taken_by,
)
from titer.domain.samples.models import AnalyteResult, Sample, SampleTest
from titer.domain.samples.repository import Samples, SampleTests, Taken
from titer.domain.samples.rules import Blocker, Status, TestStatus
from titer.kit.errors import Problem, unknown
from titer.kit.tenancy import TenantSession

Registered = tuple[Sample, list[SampleTest]]
"""A sample that was registered, and the tests that were scheduled with it."""


async def register(session: TenantSession, intake: Intake) -> Registered:
    """Register a sample and schedule its tests; the order that it comes to takes note of it.

    Raises `InvalidReference`, `InvalidBody` (a missing plant location, a day to come), `Duplicate`
    (external id) and `SampleLimitExceeded`.
    """
    (outcome,) = await register_all(session, [intake])
    if isinstance(outcome, Problem):
        raise outcome
    return outcome


async def register_all(
    session: TenantSession, intakes: Sequence[Intake]
) -> list[Registered | Problem]:
    """Register many samples with their tests; their orders take note of them.

    What `enroll_all` tells, as it tells it.
    """
    outcomes = await enroll_all(session, intakes)
    await move_orders(session, [each[0] for each in outcomes if not isinstance(each, Problem)])
    return outcomes


async def enroll_all(
    session: TenantSession, intakes: Sequence[Intake]
) -> list[Registered | Problem]:
    """Register samples and schedule their tests, with orders whose status is settled already.

    What becomes of each intake, in their order: one that may not be is refused by itself. The
    list ends with the first that the month's allowance has no room for. Whoever keeps none of
    them unless all are fit rolls back.
    """
    enrolling = _Enrolling(session, intakes, await Ground.of(session, intakes))
    enrolling.judge()
    await enrolling.enter()
    return enrolling.outcomes()


class _Enrolling:
    """Intakes on their way to being samples, by their places among all of them."""

    def __init__(self, session: TenantSession, intakes: Sequence[Intake], ground: Ground) -> None:
        self.session = session
        self.intakes = intakes
        self.ground = ground
        self.fit: dict[int, References] = {}
        self.made: dict[int, Registered | Problem] = {}
        #: Those that have the external id of an earlier one, and the place of that.
        self.repeats: dict[int, int] = {}

    def outcomes(self) -> list[Registered | Problem]:
        return [self.made[at] for at in sorted(self.made)]

    def judge(self) -> None:
        claimed: dict[str, int] = {}
        for at, intake in enumerate(self.intakes):
            try:
                found = self.ground.judge(intake)
            except Problem as problem:
                self.made[at] = problem
                continue
            if intake.external_id and claimed.setdefault(intake.external_id, at) != at:
                self.repeats[at] = claimed[intake.external_id]
            else:
                self.fit[at] = found

    async def enter(self) -> None:
        """Give those that are fit what is theirs alone, and write them with the next statement."""
        if not self.fit:
            return
        definitions = [each for found in self.fit.values() for each in found.definitions]
        analytes = await _analytes_of(self.session, definitions)
        taken = await self._take_at_once(len(definitions))
        if taken is None:
            tracking_ids = await self._tracking_ids()
            ids = await _Ids.of(self.session, len(self.fit), definitions, analytes)
        else:
            tracking_ids = self._spelled(taken.numbers)
            ids = _Ids(iter(taken.ids), iter(taken.test_ids), analytes)
        granted, exceeded = len(self.fit), None
        if taken is None or not taken.is_spent:
            # The tally is one row that every intake wants: it is taken last, and held shortest.
            granted, exceeded = await spend_samples(self.session, len(self.fit))
        for at, found in [*self.fit.items()][:granted]:
            self.made[at] = self._make(self.intakes[at], found, tracking_ids[at], ids)
        self._refuse_repeats()
        if exceeded is not None:
            beyond = [*self.fit][granted]
            self.made = {at: told for at, told in self.made.items() if at < beyond}
            self.made[beyond] = exceeded

    def _places(self) -> list[tuple[tuple[str, int], list[int]]]:
        """Those that are fit, by what they are numbered under.

        Whoever counts under several prefixes takes them in the same order as everybody.
        """
        places: dict[tuple[str, int], list[int]] = {}
        for at, found in self.fit.items():
            places.setdefault(self._prefix(self.intakes[at], found), []).append(at)
        return sorted(places.items())

    async def _take_at_once(self, tests: int) -> Taken | None:
        """All that new samples of one prefix take, where one statement can take it."""
        places = self._places()
        if len(places) > 1 or not self.session.on_postgresql:
            return None
        allowed = (await Organizations(self.session).requirements()).monthly_samples
        month = month_of(self.session.now)
        ((prefix, _), having) = places[0]
        return await Samples(self.session).take(prefix, len(having), tests, month, allowed)

    def _spelled(self, numbers: range) -> dict[int, str]:
        (((prefix, digits), having),) = self._places()
        return {
            at: rules.spell_tracking_id(prefix, number, digits)
            for at, number in zip(having, numbers, strict=True)
        }

    async def _tracking_ids(self) -> dict[int, str]:
        """The next tracking ids, those of a prefix in the order of the intakes."""
        told: dict[int, str] = {}
        for (prefix, digits), having in self._places():
            numbers = await Samples(self.session).next_numbers(prefix, len(having))
            for at, number in zip(having, numbers, strict=True):
                told[at] = rules.spell_tracking_id(prefix, number, digits)
        return told

    def _prefix(self, intake: Intake, found: References) -> tuple[str, int]:
        """What a sample's number is counted under, and how many digits it has."""
        project = found.project
        if project is None or project.sample_id_scheme != SampleIdScheme.COMPOSITE:
            return rules.standard_prefix(self.session.now), 6
        day = rules.day_of(intake.collection_date, self.session.now)
        return rules.composite_prefix(project.code, str(intake.plant_location), day), 3

    def _make(self, intake: Intake, found: References, tracking_id: str, ids: "_Ids") -> Registered:
        sample = self.session.make(
            Sample,
            "registered",
            id=next(ids.samples),
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
            created_by=self.session.actor.user_id,
            custom_fields=found.custom_fields,
            **{name: getattr(intake, name) for name in SAID},
        )
        tests = _schedule(self.session, sample, found.definitions, ids, found.test_custom_fields)
        return sample, tests

    def _refuse_repeats(self) -> None:
        for at, first in self.repeats.items():
            holder = self.made.get(first)
            if holder is not None and not isinstance(holder, Problem):
                self.made[at] = taken_by(self.intakes[at].external_id, holder[0].id)


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
    intake = replace(as_intake(sample), **{**values, "test_definition_ids": further})
    if "client_name" in values and "client_id" not in values:
        intake = replace(intake, client_id=None)
    if "client_name" not in values and intake.client_id is not None:
        # The stored name is as the client was called then: no claim that the two still agree.
        intake = replace(intake, client_name=None)
    if "collection_date" in values:
        check_collection_date(intake.collection_date, session.now)
    ground = await Ground.of(session, [intake])
    found = ground.references(intake, already=as_intake(sample))
    if intake.external_id != sample.external_id:
        refuse_taken(intake.external_id, found.holder)
    apart = {"test_definition_ids", "client_id", "client_name", "custom_fields"}
    for name in values.keys() - apart:
        setattr(sample, name, getattr(intake, name))
    if "custom_fields" in values:
        in_use = ground.fields.get(Resource.SAMPLE, ())
        sample.custom_fields = merge_fields(in_use, sample.custom_fields, intake.custom_fields)
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


@dataclass(frozen=True, slots=True)
class _Ids:
    """Ids for samples and their tests, and what the panels among these are made of."""

    samples: Iterator[int]
    tests: Iterator[int]
    #: The analytes in use of each panel, by its definition.
    analytes: Mapping[int, Sequence[Analyte]]

    @classmethod
    async def of(
        cls,
        session: TenantSession,
        samples: int,
        definitions: Sequence[TestDefinition],
        analytes: Mapping[int, Sequence[Analyte]],
    ) -> "_Ids":
        of_samples, of_tests = await session.take_ids(
            (Sample, samples), (SampleTest, len(definitions))
        )
        return cls(iter(of_samples), iter(of_tests), analytes)


async def _analytes_of(
    session: TenantSession, definitions: Sequence[TestDefinition]
) -> dict[int, list[Analyte]]:
    """The analytes in use of each panel among the definitions."""
    known = await Analytes(session).of_each({each.id for each in definitions if each.panel})
    return {panel: [each for each in known[panel] if each.active] for panel in known}


def _schedule(
    session: TenantSession,
    sample: Sample,
    definitions: Sequence[TestDefinition],
    ids: _Ids,
    custom_fields: Mapping[str, str] = MappingProxyType({}),
) -> list[SampleTest]:
    """Schedule tests, and give each panel a place for the result of each of its analytes."""
    tests = [
        session.make(
            SampleTest,
            "scheduled",
            id=next(ids.tests),
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
        for definition in definitions
    ]
    session.enter_rows(
        AnalyteResult,
        [
            {
                "sample_test_id": test.id,
                "analyte_id": analyte.id,
                "position": analyte.position,
                "code": analyte.code,
                "name": analyte.name,
                "unit": analyte.unit,
                "specification": "no_spec",
            }
            for test in tests
            for analyte in ids.analytes.get(test.test_definition_id, ())
        ],
    )
    return tests


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
    analytes = await _analytes_of(session, further)
    _schedule(session, sample, further, await _Ids.of(session, 0, further, analytes))
