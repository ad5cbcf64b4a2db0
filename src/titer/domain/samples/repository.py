"""All queries about samples and their scheduled tests."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Text, and_, bindparam, exists, func, or_, select, update

from titer.domain.clients.models import Client
from titer.domain.organizations.models import Organization, QuotaUse
from titer.domain.projects.models import Project
from titer.domain.reference.models import MaterialType, StorageLocation, TestDefinition
from titer.domain.samples.models import AnalyteResult, Counter, Sample, SampleTest
from titer.domain.samples.rules import SampleState, Status, TestState, TestStatus
from titer.kit.db.driver import Row
from titer.kit.db.types import Id, Instant
from titer.kit.errors import Detail, InvalidQuery
from titer.kit.paging import Slice, Window, cut
from titer.kit.prepared import TENANT, Prepared, among
from titer.kit.records import Records, equals
from titer.kit.strokes import columns_of, next_ids, table_of


@dataclass(frozen=True, slots=True)
class SampleFilter:
    """Which samples are wanted; `since` and `until` speak of receipt and are both inclusive."""

    status: str | None = None
    material_type_id: int | None = None
    project_id: int | None = None
    tracking_id: str | None = None
    external_id: str | None = None
    order_id: int | None = None
    sku_id: int | None = None
    lot: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def equal(self) -> dict[str, Any]:
        """The columns that must have a value, with the value."""
        spans = {"since", "until"}
        return {
            each.name: value
            for each in fields(self)
            if each.name not in spans and (value := getattr(self, each.name)) is not None
        }

    @property
    def by_receipt(self) -> bool:
        return self.since is not None or self.until is not None


_SAMPLES, _TESTS = Sample.__table__.c, SampleTest.__table__.c
_RECEIPT = Prepared(
    select(_SAMPLES.received_at).where(
        _SAMPLES.organization_id == TENANT,
        _SAMPLES.id == bindparam("id", type_=Id),
        _SAMPLES.received_at.is_not(None),
    )
)


@lru_cache(maxsize=256)
def _by_receipt(names: tuple[str, ...], equal: tuple[str, ...], given: tuple[str, ...]) -> Prepared:
    """The page of a span of receipt: `since`, `until` and `after`, as far as they are given."""
    received, sample_id = _SAMPLES.received_at, _SAMPLES.id
    statement = (
        select(*(_SAMPLES[name] for name in names))
        .where(_SAMPLES.organization_id == TENANT, *equals(_SAMPLES, equal))
        .order_by(received.desc(), sample_id.desc())
        .limit(bindparam("most", type_=Id))
    )
    if "since" in given:
        statement = statement.where(received >= bindparam("since", type_=Instant))
    if "until" in given:
        statement = statement.where(received <= bindparam("until", type_=Instant))
    if "after" in given:
        moment = bindparam("moment", type_=Instant)
        below = or_(received < moment, sample_id < bindparam("after", type_=Id))
        statement = statement.where(received <= moment, below)
    return Prepared(statement)


@lru_cache(maxsize=8)
def _with_tests(names: tuple[str, ...], test_names: tuple[str, ...]) -> Prepared:
    together = Sample.__table__.outerjoin(
        SampleTest.__table__,
        and_(
            _TESTS.organization_id == _SAMPLES.organization_id,
            _TESTS.sample_id == _SAMPLES.id,
        ),
    )
    return Prepared(
        select(*(_SAMPLES[name] for name in names), *(_TESTS[name] for name in test_names))
        .select_from(together)
        .where(_SAMPLES.organization_id == TENANT, _SAMPLES.id == bindparam("id", type_=Id))
        .order_by(_TESTS.id)
    )


@dataclass(frozen=True, slots=True)
class Named:
    """The records that intakes name, as far as they are there."""

    materials: Mapping[int, MaterialType]
    clients: Mapping[int, Client]
    #: Those named by name alone, by it folded.
    clients_by_name: Mapping[str, Client]
    projects: Mapping[int, Project]
    locations: Mapping[int, StorageLocation]
    definitions: Mapping[int, TestDefinition]
    #: The samples that have external ids already.
    holders: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Names:
    """Which records an intake names: a client by id, or else by name in whatever case."""

    material_type_id: int
    client_id: int | None
    client_name: str | None
    project_id: int | None
    storage_location_id: int | None
    external_id: str | None
    test_definition_ids: Collection[int]

    def asked(self) -> tuple[str, ...]:
        optional = ("project_id", "storage_location_id", "external_id", "test_definition_ids")
        by = "client_name" if self.client_id is None else "client_id"
        return ("material_type_id", by, *(name for name in optional if getattr(self, name)))

    def values(self) -> dict[str, Any]:
        asked = {name: getattr(self, name) for name in self.asked()}
        if "client_name" in asked:
            asked["client_name"] = (self.client_name or "").casefold()
        if "test_definition_ids" in asked:
            asked["test_definition_ids"] = list(self.test_definition_ids)
        return asked


#: What an intake names: the model, what an intake calls it, and the column that has it.
_KINDS: Sequence[tuple[Any, str, str]] = (
    (MaterialType, "material_type_id", "id"),
    (Client, "client_id", "id"),
    (Client, "client_name", "name_folded"),
    (Project, "project_id", "id"),
    (StorageLocation, "storage_location_id", "id"),
    (TestDefinition, "test_definition_ids", "id"),
    (Sample, "external_id", "external_id"),
)


@lru_cache(maxsize=64)
def _named(asked: tuple[str, ...]) -> Prepared:
    """All that one intake names in one look: a row for each test definition."""
    root = Organization.__table__
    joined: Any = root
    shown: list[Any] = []
    for model, name, column in _KINDS:
        if name not in asked:
            continue
        table = table_of(model)
        wanted = bindparam(name, type_=table.c[column].type)
        is_wanted = (
            among(table.c.id, name) if model is TestDefinition else table.c[column] == wanted
        )
        joined = joined.outerjoin(table, and_(table.c.organization_id == TENANT, is_wanted))
        shown += columns_of(model) if model is not Sample else [table.c.id]
    statement = select(*shown, root.c.id).select_from(joined).where(root.c.id == TENANT)
    return Prepared(statement, sure=len(shown))


@cache
def _each_named(model: Any, column: str) -> Prepared:
    """All records of a kind that many intakes name."""
    table = table_of(model)
    shown = columns_of(model) if model is not Sample else [table.c.external_id, table.c.id]
    return Prepared(
        select(*shown).where(table.c.organization_id == TENANT, among(table.c[column], "wanted"))
    )


_STEP = Prepared(
    update(table_of(Counter))
    .where(
        Counter.__table__.c.organization_id == TENANT,
        Counter.__table__.c.prefix == bindparam("counted", type_=Text),
    )
    .values({"last": Counter.__table__.c.last + bindparam("step", type_=Id)})
    .returning(Counter.__table__.c.last)
)


_USES = table_of(QuotaUse).c


@cache
def _taking(is_limited: bool) -> Prepared:  # noqa: FBT001 - positions are what is remembered
    """Numbers, the month's tally and ids in one, on PostgreSQL.

    The tally is one row that everybody wants: it is counted only once the numbers are, so that
    two of us never wait for each other, and only where the month has begun and has room.
    """
    counters = table_of(Counter)
    units = bindparam("samples", type_=Id)
    counted = (
        update(counters)
        .where(
            counters.c.organization_id == TENANT,
            counters.c.prefix == bindparam("counted", type_=Text),
        )
        .values({"last": counters.c.last + units})
        .returning(counters.c.last)
        .cte("counted")
    )
    spending = update(table_of(QuotaUse)).where(
        _USES.organization_id == TENANT,
        _USES.month == bindparam("in_month", type_=Text),
        select(counted.c.last).exists(),
    )
    if is_limited:
        spending = spending.where(_USES.used + units <= bindparam("allowed", type_=Id))
    spent = spending.values({"used": _USES.used + units}).returning(_USES.used).cte("spent")
    return Prepared(
        select(
            select(counted.c.last).scalar_subquery(),
            select(spent.c.used).scalar_subquery(),
            next_ids(Sample, "samples"),
            next_ids(SampleTest, "tests"),
        )
    )


@dataclass(frozen=True, slots=True)
class Taken:
    """What new samples have for themselves; the month's tally may still have to be asked."""

    numbers: range
    is_spent: bool
    ids: Sequence[int]
    test_ids: Sequence[int]


class Samples(Records[Sample]):
    model = Sample

    async def take(
        self, prefix: str, samples: int, tests: int, month: str, allowed: int | None
    ) -> Taken | None:
        """On PostgreSQL in one statement: the next numbers under a prefix, a place in the month's
        tally, and ids. None where the prefix has not been counted under yet, and nothing is taken.
        """
        values = {"counted": prefix, "samples": samples, "tests": tests, "in_month": month}
        if allowed is not None:
            values["allowed"] = allowed
        ((last, used, ids, test_ids),) = await self.session.fetch(
            _taking(allowed is not None), **values
        )
        if last is None:
            return None
        numbers = range(last - samples + 1, last + 1)
        return Taken(numbers, used is not None, sorted(ids), sorted(test_ids))

    async def named(self, names: Sequence[Names]) -> Named:
        """Find what intakes name: of one all at once, of many each kind at once."""
        found: dict[str, dict[Any, Any]] = {name: {} for _, name, _ in _KINDS}
        if len(names) == 1:
            await self._name_one(names[0], found)
        else:
            await self._name_many(names, found)
        return Named(*found.values())

    async def _name_one(self, names: Names, found: dict[str, dict[Any, Any]]) -> None:
        asked = names.asked()
        values = names.values()
        kinds = [kind for kind in _KINDS if kind[1] in asked]
        models = [model for model, _, _ in kinds if model is not Sample]
        for row in await self.session.draw(_named(asked), *models, **values):
            for (_, name, column), record in zip(kinds, row[:-1], strict=True):
                if record is not None:
                    key = values[name] if column == "external_id" else getattr(record, column)
                    found[name][key] = record

    async def _name_many(self, names: Sequence[Names], found: dict[str, dict[Any, Any]]) -> None:
        wanted: dict[str, set[Any]] = {name: set() for _, name, _ in _KINDS}
        for each in names:
            for name, value in each.values().items():
                wanted[name].update(value if isinstance(value, list) else (value,))
        for model, name, column in _KINDS:
            if not wanted[name]:
                continue
            prepared = _each_named(model, column)
            if model is Sample:
                for external_id, sample_id in await self.session.fetch(
                    prepared, wanted=[*wanted[name]]
                ):
                    found[name][external_id] = sample_id
                continue
            for (record,) in await self.session.draw(prepared, model, wanted=[*wanted[name]]):
                found[name][getattr(record, column)] = record

    async def matching(
        self, names: tuple[str, ...], window: Window, wanted: SampleFilter
    ) -> Slice[Row]:
        """A page, newest first: by id, or by receipt when a span of receipt is asked for.

        Its rows are the values of the columns named. Raises `InvalidQuery` when, by receipt, the
        cursor's sample has no receipt to go on from.
        """
        equal = wanted.equal()
        if not wanted.by_receipt:
            return await self.listing(names, window, **equal)
        values: dict[str, Any] = {**equal, "most": window.limit + 1}
        span = {"since": wanted.since, "until": wanted.until}
        values |= {name: moment for name, moment in span.items() if moment is not None}
        if window.after is not None:
            values |= {"after": window.after, "moment": await self._receipt_of(window.after)}
        prepared = _by_receipt(names, tuple(equal), tuple(values.keys() - equal.keys()))
        return cut(await self.session.fetch(prepared, **values), window.limit)

    async def _receipt_of(self, cursor: int) -> Any:
        """When a sample was received, as the driver says it."""
        rows = await self.session.fetch(_RECEIPT, id=cursor)
        if not rows:
            raise InvalidQuery(
                "The cursor's sample is not in this list any more. Start again without a cursor.",
                details=[Detail("cursor", "is not in this list")],
            )
        moment = rows[0][0]
        return datetime.fromisoformat(moment) if isinstance(moment, str) else moment

    async def with_tests(
        self, names: tuple[str, ...], test_names: tuple[str, ...], sample_id: int
    ) -> tuple[Row, list[Row]] | None:
        """The values of a sample's columns, and those of each of its tests in their order."""
        rows = await self.session.fetch(_with_tests(names, test_names), id=sample_id)
        if not rows:
            return None
        width = len(names)
        tests = [row[width:] for row in rows if row[width] is not None]
        return rows[0][:width], tests

    async def count(self) -> int:
        return (await self.session.scalar(select(func.count()).select_from(Sample))) or 0

    async def locked(self, ids: Collection[int]) -> Mapping[int, Sample]:
        """Those of the samples that are there, locked in the order of their ids."""
        statement = select(Sample).where(Sample.id.in_(ids)).order_by(Sample.id).with_for_update()
        return {row.id: row for row in await self.session.scalars(statement)}

    async def states_by_order(self, order_ids: Collection[int]) -> dict[int, list[SampleState]]:
        """How far the samples of each order have come."""
        started = exists().where(
            SampleTest.organization_id == Sample.organization_id,
            SampleTest.sample_id == Sample.id,
            SampleTest.started_at.is_not(None),
        )
        rows = await self.session.execute(
            select(Sample.order_id, Sample.status, Sample.reported_at, started).where(
                Sample.order_id.in_(order_ids)
            )
        )
        found: dict[int, list[SampleState]] = {order_id: [] for order_id in order_ids}
        for order_id, status, reported_at, tested in rows:
            assert order_id is not None
            state = SampleState(Status(status), reported_at is not None, bool(tested))
            found[order_id].append(state)
        return found

    async def next_numbers(self, prefix: str, count: int = 1) -> range:
        """The next running numbers under a prefix, which nobody else will be given."""
        counted = await self.session.fetch(_STEP, counted=prefix, step=count)
        if not counted:
            await self.session.insert_unless_taken(Counter, prefix=prefix, last=0)
            counted = await self.session.fetch(_STEP, counted=prefix, step=count)
        last = counted[0][0]
        return range(last - count + 1, last + 1)


class SampleTests(Records[SampleTest]):
    model = SampleTest

    async def of(self, sample_id: int) -> Sequence[SampleTest]:
        """A sample's tests, in the order in which they were scheduled."""
        return await self.all(SampleTest.sample_id == sample_id)

    async def of_each(self, sample_ids: Collection[int]) -> dict[int, list[SampleTest]]:
        by_sample: dict[int, list[SampleTest]] = {sample_id: [] for sample_id in sample_ids}
        for test in await self.all(SampleTest.sample_id.in_(sample_ids)):
            by_sample[test.sample_id].append(test)
        return by_sample

    async def states(self, sample_id: int) -> list[TestState]:
        rows = await self.session.execute(
            select(SampleTest.id, SampleTest.test_code, SampleTest.status, SampleTest.entered_at)
            .where(SampleTest.sample_id == sample_id)
            .order_by(SampleTest.id)
        )
        return [
            TestState(test_id, code, TestStatus(status), entered_at is not None)
            for test_id, code, status, entered_at in rows
        ]


class AnalyteResults(Records[AnalyteResult]):
    model = AnalyteResult

    async def of_each(self, tests: Iterable[SampleTest]) -> dict[int, list[AnalyteResult]]:
        """The results of each panel among the tests, in its analytes' order."""
        found: dict[int, list[AnalyteResult]] = {test.id: [] for test in tests if test.panel}
        if not found:
            return found
        rows = await self.session.scalars(
            select(AnalyteResult)
            .where(AnalyteResult.sample_test_id.in_(found))
            .order_by(AnalyteResult.position, AnalyteResult.id)
        )
        for row in rows:
            found[row.sample_test_id].append(row)
        return found

    async def rows_of_each(
        self, names: tuple[str, ...], test_ids: Collection[int]
    ) -> dict[int, list[Row]]:
        """The same as the values of the columns named, of the panels with these ids."""
        found: dict[int, list[Row]] = {test_id: [] for test_id in test_ids}
        if found:
            for test_id, *row in await self.session.fetch(_of_panels(names), ids=list(found)):
                found[test_id].append(row)
        return found


@lru_cache(maxsize=8)
def _of_panels(names: tuple[str, ...]) -> Prepared:
    columns = AnalyteResult.__table__.c
    return Prepared(
        select(columns.sample_test_id, *(columns[name] for name in names))
        .where(columns.organization_id == TENANT, among(columns.sample_test_id, "ids"))
        .order_by(columns.position, columns.id)
    )
