"""Eight weeks of a laboratory's work, step by step and in the order of time.

Nothing here is written past the services: a sample that is shown as reported was registered,
received, tested, verified and reported by people who may do so, each step with its trail.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Any

from titer.demo.values import excessive, ordinary
from titer.domain.clients.repository import Clients
from titer.domain.commerce.repository import Skus
from titer.domain.commerce.rules import PaymentStatus
from titer.domain.commerce.service import OrderEntry
from titer.domain.intake.service import place
from titer.domain.projects.repository import Projects
from titer.domain.reference.models import TestDefinition
from titer.domain.reference.repository import MaterialTypes, StorageLocations, TestDefinitions
from titer.domain.release import service as release
from titer.domain.release.repository import Approvals
from titer.domain.release.rules import ApprovalStatus
from titer.domain.results import service as results
from titer.domain.results.rules import Source
from titer.domain.samples import service as samples
from titer.domain.samples.judging import Intake
from titer.domain.samples.models import SampleTest
from titer.domain.samples.rules import Priority, Status
from titer.kit.clock import spell
from titer.kit.tenancy import Actor, TenantSession

DAYS = 56
#: The client that sends orders of what it sells, and reads its results with a key of its own.
CUSTOMER = "BROOK"


class Stage(StrEnum):
    """How far a sample has come today."""

    PENDING = "pending"
    RECEIVED = "received"
    PROCESSING = "processing"
    COMPLETED = "completed"
    VERIFIED = "verified"
    REPORTED = "reported"


#: Share of the samples that got this far, oldest first; how many days ago they came.
_STAGES = (
    (Stage.REPORTED, 0.58, DAYS, 7.0),
    (Stage.VERIFIED, 0.15, 7.0, 5.0),
    (Stage.COMPLETED, 0.08, 5.0, 3.5),
    (Stage.PROCESSING, 0.09, 3.5, 2.0),
    (Stage.RECEIVED, 0.06, 1.9, 0.8),
    (Stage.PENDING, 0.04, 0.3, 0.05),
)
#: How many steps of a sample's way are behind it.
_BEHIND = {
    Stage.PENDING: 0,
    Stage.RECEIVED: 1,
    Stage.PROCESSING: 3,
    Stage.COMPLETED: 3,
    Stage.VERIFIED: 7,
    Stage.REPORTED: 8,
}
#: Of every so many samples that are verified one has a result above its maximum; what is decided.
_EXCEEDS_EVERY = 14
_DECISIONS = {
    Stage.REPORTED: ("rejected", "approved"),
    Stage.VERIFIED: ("pending", "awaiting_retest"),
}


@dataclass(frozen=True, slots=True)
class Package:
    """What a project sends: a material, its tests, where it is kept, where it is taken."""

    project: str | None
    clients: tuple[str, ...]
    material: str
    tests: tuple[str, ...]
    place: str
    plants: tuple[str, ...] = ()
    source: Source = Source.MANUAL


PACKAGES = (
    Package("RTCR", ("SPW",), "DS", ("TC", "ECOLI", "CL2"), "MICRO-INC1"),
    Package(
        "WTP",
        ("SPW",),
        "DW",
        ("PH", "TURB", "TOC", "ALK"),
        "COLD-A",
        ("INTAKE", "FILTER1", "FILTER2", "CLEARWELL"),
    ),
    Package("LCR", ("HILL",), "DS", ("PB", "CU"), "METALS-1", source=Source.INSTRUMENT),
    Package("DBP", ("ACME",), "DS", ("TTHM", "HAA5", "CL2"), "COLD-B"),
    Package("WELLS", ("COUNTY",), "GW", ("NO3", "NO2", "HARD", "COND"), "COLD-B"),
    Package(
        None,
        ("RIVER", "ACME", "OAK"),
        "DW",
        ("AS", "CD", "SE", "HG"),
        "METALS-1",
        source=Source.INSTRUMENT,
    ),
    Package(None, ("RIVER", "OAK"), "DW", ("CL", "SO4", "F", "TDS"), "COLD-A"),
    Package(None, ("ACME",), "DW", ("COLOR", "ODOR", "HPC"), "COLD-B"),
    Package("WELLS", ("COUNTY",), "GW", ("FE", "MN", "U", "BA"), "METALS-1"),
    Package(None, (CUSTOMER,), "DW", ("PH", "COND", "NO3", "PB"), "COLD-B"),
)


@dataclass(frozen=True, slots=True)
class Staff:
    """Who works here, by what they do."""

    intake: Actor
    analysts: Sequence[Actor]
    reviewer: Actor
    manager: Actor


@dataclass(slots=True)
class Stock:
    """The catalogue by code."""

    tests: Mapping[str, TestDefinition]
    materials: Mapping[str, int]
    projects: Mapping[str, int]
    clients: Mapping[str, int]
    places: Mapping[str, int]
    variants: Mapping[str, int]

    @classmethod
    async def of(cls, session: TenantSession) -> "Stock":
        return cls(
            {row.code: row for row in await TestDefinitions(session).all()},
            {row.code: row.id for row in await MaterialTypes(session).all()},
            {row.code: row.id for row in await Projects(session).all()},
            {str(row.code): row.id for row in await Clients(session).all()},
            {row.code: row.id for row in await StorageLocations(session).all()},
            {row.code: row.id for row in await Skus(session).all()},
        )


@dataclass(frozen=True, slots=True)
class Step:
    """Something that somebody does at a moment."""

    at: datetime
    by: Actor
    do: Callable[[], Awaitable[object]]


Watch = Callable[[Sequence[Any], str], Iterable[Any]]


async def play(
    session: TenantSession, staff: Staff, count: int, now: datetime, watch: Watch
) -> None:
    """Live through the weeks that end at `now`, with so many samples."""
    stock = await Stock.of(session)
    chance = Random(2026)  # noqa: S311 - a story, and the same one every time
    steps: list[Step] = []
    for number, (stage, day) in enumerate(_calendar(count)):
        life = _Life(session, staff, stock, chance, stage, number)
        steps += life.steps(_at_work(now - timedelta(days=day), now, chance))
    for step in watch(sorted(steps, key=lambda step: step.at), "eight weeks of work"):
        # What went before is put into the trail as of its own moment and by its own hand.
        await session.settle()
        session.now, session.actor = min(step.at, now), step.by
        await step.do()
    await session.settle()


def _calendar(count: int) -> Iterator[tuple[Stage, float]]:
    """The stage that each sample has reached, and how many days ago it came."""
    for stage, share, oldest, newest in _STAGES:
        many = max(1, round(count * share))
        for number in range(many):
            yield stage, oldest - (oldest - newest) * number / many


def _at_work(moment: datetime, now: datetime, chance: Random) -> datetime:
    """That day in the morning, or the Friday before it; what is recent stays where it is."""
    if now - moment < timedelta(days=2):
        return moment
    weekend = timedelta(days=max(0, moment.weekday() - 4))
    return (moment - weekend).replace(hour=8 + chance.randrange(5), minute=chance.randrange(60))


@dataclass(slots=True)
class _Life:
    """One sample's way through the laboratory."""

    session: TenantSession
    staff: Staff
    stock: Stock
    chance: Random
    stage: Stage
    number: int
    package: Package = field(init=False)
    decision: str | None = field(init=False, default=None)
    sample_id: int = field(init=False, default=0)
    tests: list[SampleTest] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.package = PACKAGES[self.number % len(PACKAGES)]
        decisions = _DECISIONS.get(self.stage)
        if decisions and self.number % _EXCEEDS_EVERY == 0:
            self.decision = decisions[self.number // _EXCEEDS_EVERY % len(decisions)]

    def steps(self, came: datetime) -> Iterator[Step]:
        staff, analyst = self.staff, self.chance.choice(self.staff.analysts)
        yield Step(came, staff.intake, lambda: self._register(came))
        way: tuple[tuple[int, Actor, Callable[[], Awaitable[object]]], ...] = (
            (1, staff.intake, self._receive),
            (3, analyst, lambda: self._move(Status.PROCESSING)),
            (25, analyst, self._enter),
            (49, staff.reviewer, self._verify),
            (73, staff.manager, self._decide),
            (76, analyst, self._retest),
            (96, staff.reviewer, self._verify_retest),
            (98, staff.manager, self._report),
        )
        for hours, by, do in way[: _BEHIND[self.stage]]:
            jitter = timedelta(minutes=self.chance.randrange(45))
            yield Step(came + timedelta(hours=hours) + jitter, by, do)

    async def _register(self, came: datetime) -> None:
        package, chance, stock = self.package, self.chance, self.stock
        taken = came - timedelta(minutes=chance.randrange(30, 300))
        client = chance.choice(package.clients)
        ordered = await self._order(came) if client == CUSTOMER else {}
        sample, self.tests = await samples.register(
            self.session,
            Intake(
                material_type_id=stock.materials[package.material],
                client_id=stock.clients[client],
                project_id=stock.projects[package.project] if package.project else None,
                storage_location_id=stock.places[package.place],
                plant_location=chance.choice(package.plants) if package.plants else None,
                collection_date=spell(taken) if self.number % 3 else str(taken.date()),
                priority=self._priority(),
                external_id=f"COC-{12000 + self.number}" if self.number % 2 else None,
                notes="Chlorine residual measured on site" if "CL2" in package.tests else None,
                test_definition_ids=tuple(stock.tests[code].id for code in package.tests),
                **ordered,
            ),
        )
        self.sample_id = sample.id

    async def _order(self, came: datetime) -> dict[str, Any]:
        """What the customer orders, and says of the sample that comes with it."""
        entry = OrderEntry(
            client_id=self.stock.clients[CUSTOMER],
            payment_status=PaymentStatus.PENDING,
            orderer_name="Nell Brook",
            orderer_email="quality@brookside.example",
            ordered_at=came - timedelta(days=1),
            external_id=f"PO-{4000 + self.number}",
        )
        order, _ = await place(self.session, entry, ())
        variants = sorted(self.stock.variants.items())
        _, sku_id = variants[self.number % len(variants)]
        lot = f"L-{came:%y%m}-{self.number:03}"
        return {"order_id": order.id, "sku_id": sku_id, "lot": lot}

    def _priority(self) -> Priority:
        if self.number % 25 == 0:
            return Priority.URGENT
        return Priority.HIGH if self.number % 9 == 0 else Priority.NORMAL

    async def _receive(self) -> None:
        await samples.receive(self.session, [self.sample_id])

    async def _move(self, to: Status) -> None:
        await samples.move(self.session, self.sample_id, to)

    async def _enter(self) -> None:
        """Enter results: of a sample still in process only the first few."""
        wanted = self.tests
        if self.stage is Stage.PROCESSING:
            wanted = wanted[: self.number % len(wanted)]
        entries = [self._entry(test, position) for position, test in enumerate(wanted)]
        await results.enter_many(self.session, entries, source=self.package.source)
        if self.stage is not Stage.PROCESSING:
            await self._move(Status.COMPLETED)

    def _entry(self, test: SampleTest, position: int) -> results.Entry:
        definition = self.stock.tests[test.test_code]
        exceeds = self.decision is not None and position == 0
        draw = excessive if exceeds and definition.spec_max is not None else ordinary
        return results.Entry(test.id, draw(self.chance, definition))

    async def _verify(self) -> None:
        for test in self.tests:
            await release.verify(self.session, test.id)
        await self._move(Status.VERIFIED)

    async def _decide(self) -> None:
        if self.decision in {None, "pending"}:
            return
        (approval,) = await Approvals(self.session).in_force(self.sample_id)
        status, comment = (
            (ApprovalStatus.APPROVED, "Confirmed by the duplicate; the client has been told.")
            if self.decision == "approved"
            else (ApprovalStatus.REJECTED, "The run's check standard recovered 118 %: retest.")
        )
        await release.decide(self.session, approval.approval_id, status=status, comment=comment)

    async def _retest(self) -> None:
        if self.decision != "rejected":
            return
        test = self.tests[0]
        again = ordinary(self.chance, self.stock.tests[test.test_code])
        entry = results.Entry(test.id, again, reason="Retest after recalibration")
        await results.enter(self.session, entry)
        await self._move(Status.COMPLETED)

    async def _verify_retest(self) -> None:
        if self.decision == "rejected":
            await release.verify(self.session, self.tests[0].id)
            await self._move(Status.VERIFIED)

    async def _report(self) -> None:
        await release.report(self.session, self.sample_id)
