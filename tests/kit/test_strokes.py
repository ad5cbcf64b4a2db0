"""Rows made and written below the ORM, one and many."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from sqlalchemy import select

from laboratory import Laboratory
from titer.domain.reference.repository import Analytes
from titer.domain.samples.models import AnalyteResult, Sample, SampleTest
from titer.kit.tenancy import TenantSession

MANY = 60


def test_a_made_row_has_every_column_and_no_other(lab: Laboratory) -> None:
    async def work(session: TenantSession) -> Sample:
        row = session.make(Sample, "registered", id=1 << 50, tracking_id="X-1")
        assert (row.version, row.created_at, row.notes) == (1, session.now, None)
        with pytest.raises(TypeError, match="Sample has no colour"):
            session.make(Sample, "registered", id=2 << 50, colour="blue")
        raise KeyError  # nothing of it is kept

    with pytest.raises(KeyError):
        lab.do(work)


def test_many_rows_keep_their_own_digits_and_what_they_say_alike(lab: Laboratory) -> None:
    """A value that all rows have alike is told once; decimals that are equal are not alike."""
    analytes = [{"code": f"A{at}", "name": f"Analyte {at}"} for at in range(MANY)]
    panel = {"code": "WIDE", "name": "Many analytes", "analytes": analytes}
    assert lab.administrator().post("/test-definitions", panel).status_code == 201
    test = lab.sample()["tests"][0]["id"]
    values = [Decimal("1.00") if at % 2 else Decimal("1.0") for at in range(MANY)]

    async def write(session: TenantSession) -> None:
        known = await Analytes(session).all()

        def row(at: int) -> dict[str, object]:
            own = {"analyte_id": known[at].id, "result_value": values[at]}
            alike = {"sample_test_id": test, "position": 1, "code": "PB", "name": "Lead"}
            return own | alike | {"unit": None, "specification": "no_spec"}

        session.enter_rows(AnalyteResult, [row(at) for at in range(MANY)])
        rows = await session.execute(
            select(AnalyteResult.code, AnalyteResult.unit, AnalyteResult.result_value)
            .where(AnalyteResult.sample_test_id == test)
            .order_by(AnalyteResult.analyte_id)
        )
        told.extend(rows.all())
        raise KeyError  # nothing of it is kept

    told: list[Sequence[object]] = []
    with pytest.raises(KeyError):
        lab.do(write)
    assert [str(row[2]) for row in told] == [str(value) for value in values]
    assert {tuple(row[:2]) for row in told} == {("PB", None)}


def test_many_samples_are_made_with_what_is_theirs(lab: Laboratory) -> None:
    made = [lab.sample(tests=[lab.has.ph])["id"]]

    async def write(session: TenantSession) -> None:
        ids, tests = await session.take_ids((Sample, MANY), (SampleTest, 0))
        assert tests == []
        for at, sample_id in enumerate(ids):
            session.make(
                Sample,
                "registered",
                id=sample_id,
                tracking_id=f"M-{at}",
                status="pending",
                priority="normal",
                client_name="Acme",
                material_type_id=lab.has.water,
                composite=False,
                number_of_composites=1,
                notes="odd" if at % 2 else None,
                custom_fields={"at": str(at)} if at == 7 else {},
            )
        made.extend(ids)

    lab.do(write)
    rows = lab.get("/samples?limit=500").json()["data"][::-1]
    assert [row["id"] for row in rows] == made
    assert [row["trackingId"] for row in rows[1:]] == [f"M-{at}" for at in range(MANY)]
    assert [row["notes"] for row in rows[1:]] == [None, "odd"] * (MANY // 2)
    assert [row["customFields"] for row in rows[7:10]] == [{}, {"at": "7"}, {}]
    assert {(row["clientName"], row["projectId"]) for row in rows[1:]} == {("Acme", None)}
