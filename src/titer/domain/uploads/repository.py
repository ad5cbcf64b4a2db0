"""All queries about instrument uploads, their rows, learned names, and what is open to results."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import insert, select

from titer.domain.extraction.values import Assay, LearnedAlias, Target, World
from titer.domain.extraction.values import Sample as KnownSample
from titer.domain.reference.models import TestDefinition
from titer.domain.samples.models import Sample, SampleTest
from titer.domain.uploads.models import ExtractionAlias, InstrumentUpload, InstrumentUploadRow
from titer.domain.uploads.rules import Place, Row, RowStatus, Standing
from titer.kit.records import Records
from titer.kit.tenancy import TenantSession

T = TypeVar("T")
#: As many ids as one statement names, on either database.
PIECE = 1_000
#: As many samples as are read at a time, with their tests: ids enough for one statement.
PAGE = 5_000
#: As many scheduled tests as a file is held against, those of the newest samples first.
MOST_TESTS = 100_000


def in_pieces(ids: Collection[T]) -> Iterator[Sequence[T]]:
    listed = list(ids)
    for start in range(0, len(listed), PIECE):
        yield listed[start : start + PIECE]


class OpenWork:
    """What an organization's files may speak about: samples not yet reported, and their tests.

    It is read in short statements, newest sample first, until the samples or `MOST_TESTS` end:
    however large the archive of reported samples is, it is not looked at.
    """

    def __init__(self, session: TenantSession) -> None:
        self.session = session

    async def read(self, sha256: str) -> World:
        """The world that the file is read in; samples that it was written to before belong to it,
        reported or not."""
        samples, targets = await self._open()
        known = {sample.id for sample in samples}
        before = await self._written_to(sha256)
        for piece in in_pieces(sorted(before - known)):
            samples += await self._samples(Sample.id.in_(piece))
            targets += await self._targets(piece)
        return World(
            tuple(samples), tuple(await self._assays()), tuple(targets), await self._learned()
        )

    async def _open(self) -> tuple[list[KnownSample], list[Target]]:
        samples: list[KnownSample] = []
        targets: list[Target] = []
        below: int | None = None
        while len(targets) < MOST_TESTS:
            conditions: list[Any] = [Sample.reported_at.is_(None)]
            if below is not None:
                conditions.append(Sample.id < below)
            page = await self._samples(*conditions)
            if not page:
                break
            samples += page
            targets += await self._targets([sample.id for sample in page])
            below = page[-1].id
        return samples, targets

    async def _samples(self, *conditions: Any) -> list[KnownSample]:
        columns = Sample.id, Sample.tracking_id, Sample.external_id
        statement: Any = select(*columns).where(*conditions)
        rows = await self.session.below(statement.order_by(Sample.id.desc()).limit(PAGE))
        return [KnownSample(*row) for row in rows]

    async def _targets(self, sample_ids: Sequence[int]) -> list[Target]:
        columns = SampleTest.id, SampleTest.sample_id, SampleTest.test_definition_id
        # A panel's results are its analytes', which an upload does not know of yet.
        statement: Any = select(*columns).where(
            SampleTest.sample_id.in_(sample_ids), SampleTest.panel.is_(False)
        )
        return [Target(*row) for row in await self.session.below(statement)]

    async def _written_to(self, sha256: str) -> set[int]:
        statement = (
            select(InstrumentUploadRow.sample_id)
            .join(InstrumentUpload, InstrumentUpload.id == InstrumentUploadRow.upload_id)
            .where(
                InstrumentUpload.sha256 == sha256,
                InstrumentUploadRow.status == RowStatus.APPLIED,
                InstrumentUploadRow.sample_id.is_not(None),
            )
            .distinct()
        )
        return {int(sample_id) for sample_id in await self.session.scalars(statement) if sample_id}

    async def _assays(self) -> list[Assay]:
        definitions = await self.session.scalars(select(TestDefinition).order_by(TestDefinition.id))
        return [Assay(each.id, each.code, each.name, each.unit or "") for each in definitions]

    async def _learned(self) -> tuple[LearnedAlias, ...]:
        columns = ExtractionAlias.text, ExtractionAlias.test_definition_id
        statement: Any = select(*columns)
        rows = await self.session.below(statement)
        return tuple(LearnedAlias(text, test_id) for text, test_id in rows)


class InstrumentUploads(Records[InstrumentUpload]):
    model = InstrumentUpload


class InstrumentUploadRows(Records[InstrumentUploadRow]):
    model = InstrumentUploadRow

    async def append(self, upload_id: int, rows: Sequence[Row]) -> None:
        """Keep rows, which hold on to their samples and tests in the order that everybody locks."""
        ordered = sorted(rows, key=lambda row: (row.sample_id or 0, row.sample_test_id or 0))
        values = [_values(upload_id, row) for row in ordered]
        for piece in in_pieces(values):
            await self.session.below(insert(InstrumentUploadRow), piece)

    async def of(self, upload_id: int) -> Sequence[InstrumentUploadRow]:
        """An upload's rows, in the order of the file."""
        statement = (
            select(InstrumentUploadRow)
            .where(InstrumentUploadRow.upload_id == upload_id)
            .order_by(InstrumentUploadRow.row)
        )
        return (await self.session.scalars(statement)).all()

    async def written_before(self, sha256: str) -> dict[Place, int]:
        """Every row that was written from this file, and the upload that did it."""
        row = InstrumentUploadRow
        statement = (
            select(row.sample_test_id, row.sheet, row.line, row.column, row.result, row.upload_id)
            .join(InstrumentUpload, InstrumentUpload.id == row.upload_id)
            .where(InstrumentUpload.sha256 == sha256, row.status == RowStatus.APPLIED)
            .order_by(row.upload_id.desc())
        )
        found = await self.session.execute(statement)
        return {Place(*told[:-1]): told[-1] for told in found.all()}

    async def standings(self, test_ids: Collection[int]) -> Mapping[int, Standing]:
        """How the tests stand that rows would be written to."""
        found: dict[int, Standing] = {}
        for piece in in_pieces(sorted(test_ids)):
            statement = (
                select(SampleTest.id, SampleTest.result, SampleTest.verified_at, Sample.reported_at)
                .join(Sample, Sample.id == SampleTest.sample_id)
                .where(SampleTest.id.in_(piece))
            )
            for test_id, result, verified_at, reported_at in await self.session.execute(statement):
                standing = Standing(result, verified_at is not None, reported_at is not None)
                found[test_id] = standing
        return found


def _values(upload_id: int, row: Row) -> dict[str, Any]:
    return {
        "upload_id": upload_id,
        "row": row.row,
        "sheet": row.sheet,
        "line": row.line,
        "column": row.column,
        "text": row.text,
        "label": row.label,
        "sample_id": row.sample_id,
        "tracking_id": row.tracking_id,
        "external_id": row.external_id,
        "test_definition_id": row.test_definition_id,
        "test_code": row.test_code,
        "sample_test_id": row.sample_test_id,
        "result": row.result,
        "unit": row.unit,
        "entry": row.entry,
        "confidence": row.confidence,
        "reasons": json.dumps(row.reasons),
        "status": row.status,
    }


class ExtractionAliases(Records[ExtractionAlias]):
    model = ExtractionAlias

    async def of_texts(self, folded: Collection[str]) -> dict[str, ExtractionAlias]:
        found = await self.all(ExtractionAlias.text_folded.in_(folded))
        return {alias.text_folded: alias for alias in found}
