"""What tests look at beside the answers: the books, the trail, the SQL that ran."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

from httpx2 import ASGITransport, AsyncClient, Response
from sqlalchemy import event, func, select

from laboratory import Laboratory, World
from titer.domain.audit.models import AuditEvent
from titer.domain.organizations.models import QuotaUse
from titer.domain.projects.models import Project
from titer.domain.samples.models import Counter, Sample, SampleTest
from titer.kit import background
from titer.kit.tenancy import TenantSession

#: An id that no record of any test ever has.
ABSENT = 4_000_000_000_000
_numbers = count(1)


def refusal(answer: Response) -> tuple[int, str]:
    """The status and the slug."""
    return answer.status_code, answer.json()["error"]


def fields_at_fault(answer: Response) -> list[str]:
    return [detail["field"] for detail in answer.json().get("details", [])]


def ids(answer: Response) -> list[int]:
    """The ids of a page."""
    assert answer.status_code == 200, answer.text
    return [record["id"] for record in answer.json()["data"]]


def new(lab: Laboratory, **fields: Any) -> dict[str, Any]:
    """The body of a sample to create."""
    return {"clientName": "Acme Water District", "materialTypeId": lab.has.water} | fields


def books(lab: Laboratory) -> dict[str, Any]:
    """All that a sample's making writes: rows, counters, the month's tally, the trail."""

    async def read(session: TenantSession) -> dict[str, Any]:
        counts = {
            kind.__tablename__: await session.scalar(select(func.count(kind.id)))
            for kind in (Sample, SampleTest, AuditEvent)
        }
        last = (await session.execute(select(Counter.prefix, Counter.last))).all()
        used = (await session.execute(select(QuotaUse.month, QuotaUse.used))).all()
        return counts | {"counters": sorted(last), "used": sorted(used)}

    return lab.do(read)


def events_of(lab: Laboratory, entity: str, entity_id: int) -> list[AuditEvent]:
    """The audit events of one record, oldest first."""

    async def read(session: TenantSession) -> list[AuditEvent]:
        mine = select(AuditEvent).where(
            AuditEvent.entity_type == entity, AuditEvent.entity_id == entity_id
        )
        return list(await session.scalars(mine.order_by(AuditEvent.id)))

    return lab.do(read)


def retire(lab: Laboratory, kind: Any, record_id: int) -> None:
    """Take a record of the catalogue out of use."""

    async def work(session: TenantSession) -> None:
        row = (await session.scalars(select(kind).where(kind.id == record_id))).one()
        if kind is Project:
            row.status = "archived"
        else:
            row.active = False

    lab.do(work)


def fill(lab: Laboratory, amount: int) -> list[int]:
    """Many samples at once, past the API; their ids, oldest first."""

    async def work(session: TenantSession) -> list[int]:
        samples = [
            Sample(
                tracking_id=f"FILL-{next(_numbers)}",
                status="pending",
                priority="normal",
                client_name="Acme",
                material_type_id=lab.has.water,
            )
            for _ in range(amount)
        ]
        session.add_all(samples)
        await session.flush()
        return [sample.id for sample in samples]

    return lab.do(work)


@contextmanager
def statements(world: World) -> Iterator[list[str]]:
    """The SQL that requests run meanwhile; what the server does beside them does not count."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        task = asyncio.current_task()
        if task is None or getattr(task.get_coro(), "__name__", "") != background._repeat.__name__:
            seen.append(statement)

    class PastSqlalchemy(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            note(None, None, record.getMessage())

    engine = world.app.database.engine.sync_engine
    logger, listening = logging.getLogger("titer.sql"), PastSqlalchemy()
    was = logger.level, logger.propagate
    event.listen(engine, "before_cursor_execute", note)
    logger.addHandler(listening)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)
        logger.removeHandler(listening)
        logger.setLevel(was[0])
        logger.propagate = was[1]


def at_once(
    lab: Laboratory, calls: Sequence[tuple[str, str, Any]], **headers: str
) -> list[Response]:
    """The answers to calls that are all under way together."""

    async def crowd() -> list[Response]:
        transport = ASGITransport(app=lab.world.app)
        async with AsyncClient(transport=transport, headers=lab.headers | headers) as http:
            return list(
                await asyncio.gather(
                    *(
                        http.request(method, f"http://titer.test/api/v1{path}", json=body)
                        for method, path, body in calls
                    )
                )
            )

    return lab.world.run(crowd)
