"""All queries about instrument uploads, their rows, learned names, and what is open to results."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import insert, select

from titer.domain.extraction.values import Assay, LearnedAlias, Target, World
from titer.domain.extraction.values import Sample as KnownSample
from titer.domain.reference.models import Analyte, TestDefinition
from titer.domain.samples.models import AnalyteResult, Sample, SampleTest
from titer.domain.uploads.models import ExtractionAlias, InstrumentUpload, InstrumentUploadRow
from titer.domain.uploads.rules import Goal, Place, Row, RowStatus, Standing
from titer.kit.records import Records
from titer.kit.tenancy import TenantSession

T = TypeVar("T")
#: The numbers of a world's assays, by test definition and analyte.
Numbers = Mapping[tuple[int | None, int | None], int]
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


def _numbers(assays: Iterable[Assay]) -> Numbers:
    return {(each.test_definition_id, each.analyte_id): each.id for each in assays}


class OpenWork:
    """What an organization's files may speak about: samples not yet reported, and their tests.

    It is read in short statements, newest sample first, until the samples or `MOST_TESTS` end:
    however large the archive of reported samples is, it is not looked at.
    """

    def __init__(self, session: TenantSession) -> None:
        self.session = session

    async def widen(self, world: World, names: Sequence[str]) -> World:
        """The world with those further samples that bear one of the names, whatever became of
        them; the same world where there are none."""
        known = {sample.id for sample in world.samples}
        found: dict[int, KnownSample] = {}
        for column in (Sample.tracking_id, Sample.external_id):
            for piece in in_pieces(names):
                for sample in await self._samples(column.in_(piece)):
                    if sample.id not in known:
                        found[sample.id] = sample
        if not found:
            return world
        numbers = _numbers(world.assays)
        targets = list(world.targets)
        for ids in in_pieces(sorted(found)):
            targets += await self._targets(ids, numbers)
        return replace(world, samples=(*world.samples, *found.values()), targets=tuple(targets))

    async def read(self, sha256: str) -> World:
        """The world that the file is read in; samples that it was written to before belong to it,
        reported or not."""
        assays = await self._assays()
        numbers = _numbers(assays)
        samples, targets = await self._open(numbers)
        known = {sample.id for sample in samples}
        before = await self._written_to(sha256)
        for piece in in_pieces(sorted(before - known)):
            samples += await self._samples(Sample.id.in_(piece))
            targets += await self._targets(piece, numbers)
        return World(tuple(samples), tuple(assays), tuple(targets), await self._learned(assays))

    async def _open(self, numbers: Numbers) -> tuple[list[KnownSample], list[Target]]:
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
            targets += await self._targets([sample.id for sample in page], numbers)
            below = page[-1].id
        return samples, targets

    async def _samples(self, *conditions: Any) -> list[KnownSample]:
        columns = Sample.id, Sample.tracking_id, Sample.external_id
        statement: Any = select(*columns).where(*conditions)
        rows = await self.session.below(statement.order_by(Sample.id.desc()).limit(PAGE))
        return [KnownSample(*row) for row in rows]

    async def _targets(self, sample_ids: Sequence[int], numbers: Numbers) -> list[Target]:
        """The tests of samples; of a panel every analyte that it was scheduled with."""
        test = SampleTest
        columns = test.id, test.sample_id, test.test_definition_id, test.panel
        statement: Any = select(*columns).where(test.sample_id.in_(sample_ids))
        found: list[Target] = []
        panels: dict[int, tuple[int, int]] = {}
        for id_, sample_id, definition_id, panel in await self.session.below(statement):
            if panel:
                panels[id_] = (sample_id, definition_id)
            else:
                found.append(Target(id_, sample_id, numbers[definition_id, None]))
        for piece in in_pieces(panels):
            result = AnalyteResult
            statement = select(result.sample_test_id, result.analyte_id)
            statement = statement.where(result.sample_test_id.in_(piece))
            for test_id, analyte_id in await self.session.below(statement):
                sample_id, definition_id = panels[test_id]
                number = numbers[definition_id, analyte_id]
                found.append(Target(test_id, sample_id, number))
        return found

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
        """The tests of the catalogue, then the analytes of its panels, numbered from 1."""
        test, part = TestDefinition, Analyte
        tests: Any = select(test.id, test.code, test.name, test.unit).order_by(test.id)
        parts: Any = select(
            part.id, part.test_definition_id, part.code, part.name, part.unit
        ).order_by(part.id)
        codes: dict[int, str] = {}
        found: list[Assay] = []
        for id_, code, name, unit in await self.session.below(tests):
            codes[id_] = code
            found.append(Assay(len(found) + 1, code, name, unit or "", (), None, id_, code))
        for id_, test_id, code, name, unit in await self.session.below(parts):
            number = len(found) + 1
            found.append(Assay(number, code, name, unit or "", (), id_, test_id, codes[test_id]))
        return found

    async def _learned(self, assays: Sequence[Assay]) -> tuple[LearnedAlias, ...]:
        """The learned names; one of an analyte holds for every assay of the same code."""
        by_code: dict[str, list[int]] = {}
        codes: dict[tuple[int | None, int | None], str] = {}
        for each in assays:
            code = each.code.casefold()
            by_code.setdefault(code, []).append(each.id)
            codes[each.test_definition_id, each.analyte_id] = code
        alias = ExtractionAlias
        statement: Any = select(alias.text, alias.test_definition_id, alias.analyte_id)
        return tuple(
            LearnedAlias(text, number)
            for text, test_id, analyte_id in await self.session.below(statement)
            for number in by_code[codes[test_id, analyte_id]]
        )


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
            select(
                row.sample_test_id,
                row.analyte_id,
                row.sheet,
                row.line,
                row.column,
                row.result,
                row.upload_id,
            )
            .join(InstrumentUpload, InstrumentUpload.id == row.upload_id)
            .where(InstrumentUpload.sha256 == sha256, row.status == RowStatus.APPLIED)
            .order_by(row.upload_id.desc())
        )
        found: dict[Place, int] = {}
        for told in await self.session.execute(statement):
            test_id, analyte_id, sheet, line, column, result, upload_id = told
            goal = None if test_id is None else Goal(test_id, analyte_id)
            found[Place(goal, sheet, line, column, result)] = upload_id
        return found

    async def standings(self, test_ids: Collection[int]) -> Mapping[Goal, Standing]:
        """How the tests stand that rows would be written to, and every analyte of the panels."""
        found: dict[Goal, Standing] = {}
        test, part = SampleTest, AnalyteResult
        for piece in in_pieces(sorted(test_ids)):
            columns = test.id, test.panel, test.result, test.verified_at, Sample.reported_at
            statement: Any = select(*columns).join(Sample, Sample.id == test.sample_id)
            panels: dict[int, tuple[bool, bool]] = {}
            for told in await self.session.below(statement.where(test.id.in_(piece))):
                test_id, panel, result, verified_at, reported_at = told
                closed = verified_at is not None, reported_at is not None
                found[Goal(test_id, None)] = Standing(result, *closed)
                if panel:
                    panels[test_id] = closed
            statement = select(part.sample_test_id, part.analyte_id, part.result)
            if panels:
                statement = statement.where(part.sample_test_id.in_(panels))
                for test_id, analyte_id, result in await self.session.below(statement):
                    found[Goal(test_id, analyte_id)] = Standing(result, *panels[test_id])
        return found


@lru_cache(maxsize=1024)
def _spelled(reasons: tuple[str, ...]) -> str:
    return json.dumps(reasons)


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
        "analyte_id": row.analyte_id,
        "analyte_code": row.analyte_code,
        "sample_test_id": row.sample_test_id,
        "result": row.result,
        "unit": row.unit,
        "entry": row.entry,
        "confidence": row.confidence,
        "reasons": _spelled(tuple(row.reasons)),
        "status": row.status,
    }


class ExtractionAliases(Records[ExtractionAlias]):
    model = ExtractionAlias

    async def of_texts(self, folded: Collection[str]) -> dict[str, ExtractionAlias]:
        found = await self.all(ExtractionAlias.text_folded.in_(folded))
        return {alias.text_folded: alias for alias in found}
