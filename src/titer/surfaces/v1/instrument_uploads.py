"""`/instrument-uploads`: results read from an instrument's file, reviewed, and written."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Annotated, ClassVar, Literal

from fastapi import Form, Query, UploadFile
from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, field_validator
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.samples.repository import AnalyteResults
from titer.domain.uploads import models, service
from titer.domain.uploads.errors import UnreadableUpload
from titer.domain.uploads.reading import File, ReadingRoom
from titer.domain.uploads.repository import InstrumentUploadRows, InstrumentUploads
from titer.domain.uploads.rules import Row, RowStatus
from titer.domain.uploads.service import Committed, Sending, Surroundings
from titer.kit.errors import InvalidBody, InvalidId, NotFound
from titer.kit.web.answers import CAMEL, MomentOut, NumberOut, answer, one_of, view
from titer.kit.web.bodies import MIB
from titer.kit.web.door import Operations
from titer.kit.web.fields import PathId, QueryFlag
from titer.surfaces.v1 import shapes
from titer.surfaces.v1.access import READ, WRITE, Coming, Lab, operations
from titer.surfaces.v1.wire import Body, Page, Paged, page, shown

TAG = "Instrument uploads"
FILE_LIMIT = 20 * MIB
MAX_COMMITTED = 1_000
_LONGEST_FILE_NAME = 255
_MAX_DIGITS = 10


def _threshold(text: object) -> Decimal:
    problem = "must be a number from 0 to 1"
    if isinstance(text, Decimal):
        return text
    if not isinstance(text, str) or len(text) > _MAX_DIGITS:
        raise ValueError(problem)
    whole, _, part = text.partition(".")
    figures = whole + part
    if not (figures.isascii() and figures.isdigit()) or not 0 <= Decimal(text) <= 1:
        raise ValueError(problem)
    return Decimal(text)


Threshold = Annotated[
    Decimal,
    BeforeValidator(_threshold),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1, "default": 0.8}),
]


class UploadForm(Body):
    """An instrument's file, and how to go about it."""

    file: Annotated[
        UploadFile,
        WithJsonSchema({"type": "string", "format": "binary", "description": "At most 20 MiB."}),
    ]
    hint: Annotated[str, StringConstraints(min_length=1, max_length=2_000)] | None = Field(
        default=None,
        description="What helps to read the file, in words: `NPOC = DOC`, or the tests that it is "
        "about.",
    )
    dry_run: QueryFlag = Field(
        default=False, description="`true` shows what would be written, and writes nothing."
    )
    confidence_threshold: Threshold = Field(
        default_factory=lambda: Decimal("0.8"), description="Rows below it are left for review."
    )

    @field_validator("file")
    @classmethod
    def _check_file(cls, file: UploadFile) -> UploadFile:
        if not file.size:
            raise ValueError("is empty")
        name = _base_name(file)
        if not 1 <= len(name) <= _LONGEST_FILE_NAME:
            raise ValueError("needs a file name of at most 255 characters")
        return file


def _base_name(file: UploadFile) -> str:
    return (file.filename or "").replace("\\", "/").rsplit("/", 1)[-1].strip()


@dataclass(slots=True)
class RowSource:
    """The cell that a row was read from; line and column count from 1."""

    sheet: str
    line: int
    column: int
    text: str


@dataclass(slots=True)
class UploadRow:
    """A value of the file, and the scheduled test that it seems to be the result of.

    `analyteId` and `analyteCode` are null unless the test is a panel.
    """

    __pydantic_config__: ClassVar = CAMEL

    row: int
    source: RowSource
    sample_id: int | None
    tracking_id: str | None
    external_id: str | None
    test_code: str | None
    sample_test_id: int | None
    result: str | None
    unit: str | None
    confidence: NumberOut
    reasons: list[str]
    status: Annotated[str, one_of(RowStatus)]
    analyte_id: int | None
    analyte_code: str | None


@dataclass(slots=True)
class InstrumentUpload:
    """What was read from a file. `applied`, `needsReview` and `unmatched` count its rows."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    file_name: str
    sha256: str
    dry_run: bool
    confidence_threshold: NumberOut
    extractor: str
    rows: list[UploadRow]
    applied: int
    needs_review: int
    unmatched: int


@dataclass(slots=True)
class UploadSummary:
    """An upload, as lists show it."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    file_name: str
    sha256: str
    size: int
    hint: str | None
    dry_run: bool
    confidence_threshold: NumberOut
    extractor: str
    applied: int
    needs_review: int
    unmatched: int
    created_by: int | None
    created_at: MomentOut


class RowChoice(Body):
    """The rows to write, by their numbers: what was chosen is written even where it was doubted."""

    model_config = shown({"rows": [1, 2, 5]})

    rows: Annotated[
        list[Annotated[int, Field(strict=True, ge=1, le=2**31)]],
        Field(min_length=1, max_length=MAX_COMMITTED),
    ]

    @field_validator("rows")
    @classmethod
    def _check(cls, rows: list[int]) -> list[int]:
        if len(set(rows)) != len(rows):
            raise ValueError("must not name a row twice")
        return rows


@dataclass(slots=True)
class CommittedRow:
    """A row that is written: the test as it is now."""

    __pydantic_config__: ClassVar = CAMEL

    row: int
    sample_test_id: int
    ok: Literal[True]
    sample_test: shapes.SampleTest


@dataclass(slots=True)
class RefusedUploadRow:
    """A row that changed nothing, and why."""

    __pydantic_config__: ClassVar = CAMEL

    row: int
    sample_test_id: int | None
    ok: Literal[False]
    error: str
    message: str


@dataclass(slots=True)
class CommitAnswer:
    """How many of the chosen rows are written, how many are not, and each of them."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    applied: int
    failed: int
    results: list[CommittedRow | RefusedUploadRow]


def uploading(room: ReadingRoom) -> Operations:
    """The operation that reads files, in `room`."""
    entrance = operations(TAG)

    @entrance.add(
        "POST",
        "/instrument-uploads",
        needs=WRITE,
        answers=InstrumentUpload,
        refuses=(InvalidBody, UnreadableUpload),
        file_limit=FILE_LIMIT,
    )
    async def upload_instrument_file(
        coming: Coming, body: Annotated[UploadForm, Form()]
    ) -> Response:
        """Read the results of an instrument's file, and write those that are sure.

        Samples are recognised by tracking id or external id, tests and the analytes of panels by
        code, name, or a name learned from earlier uploads. Every result is copied from the cell
        that `source` names. A row is written only when it is matched at or above the threshold,
        its test is not locked and has no other result, and the upload is no dry run; any other can
        be committed after a look at it. The same file again writes nothing twice.
        """
        data = await body.file.read()
        sending = Sending(
            _base_name(body.file),
            sha256(data).hexdigest(),
            len(data),
            body.hint,
            body.dry_run,
            body.confidence_threshold,
        )
        around = await coming.read(lambda lab: service.look_around(lab, sending.sha256))
        file = File(data, sending.file_name, sending.hint)

        async def further(around: Surroundings, names: Sequence[str]) -> Surroundings:
            return await coming.read(lambda lab: service.look_further(lab, around, names))

        extraction, read_in = await room.read(file, around, further)

        async def keep(lab: Lab) -> Response:
            upload, rows = await service.record(lab, sending, extraction, read_in.world)
            return _shown(upload, [_row(row, row.reasons) for row in rows])

        return await coming.write(keep)

    return entrance


uploads = operations(TAG)


@uploads.add("GET", "/instrument-uploads", needs=READ, answers=Page[UploadSummary])
async def list_instrument_uploads(
    request: Request, lab: Lab, query: Annotated[Paged, Query()]
) -> Response:
    """List instrument uploads, newest first."""
    found = await InstrumentUploads(lab).page(query.window())
    return page(request, UploadSummary, found, lambda row: view(UploadSummary, row))


@uploads.add(
    "GET",
    "/instrument-uploads/{instrument_upload_id}",
    needs=READ,
    answers=InstrumentUpload,
    refuses=(InvalidId, NotFound),
)
async def get_instrument_upload(lab: Lab, instrument_upload_id: PathId) -> Response:
    """Retrieve one upload with its rows, as they stand now."""
    upload = await InstrumentUploads(lab).get(instrument_upload_id)
    rows = await InstrumentUploadRows(lab).of(upload.id)
    return _shown(upload, [_row(row, json.loads(row.reasons)) for row in rows])


@uploads.add(
    "POST",
    "/instrument-uploads/{instrument_upload_id}/commit",
    needs=WRITE,
    answers=CommitAnswer,
    refuses=(InvalidId, InvalidBody, NotFound),
)
async def commit_instrument_upload(
    lab: Lab, instrument_upload_id: PathId, body: RowChoice
) -> Response:
    """Write chosen rows of an upload, up to 1,000, each for itself.

    Rows in doubt or in conflict are written when they are chosen: what the test had before stays
    in its history. Locked tests stay as they are. A row that is written already is answered as it
    is.
    """
    upload, committed = await service.commit(lab, instrument_upload_id, body.rows)
    written = [each.test for each in committed if each.test is not None]
    analytes = await AnalyteResults(lab).of_each(written)
    rows = [_committed(each, analytes) for each in committed]
    failed = sum(each.problem is not None for each in committed)
    return answer(CommitAnswer, CommitAnswer(upload.id, len(rows) - failed, failed, rows))


def _committed(row: Committed, analytes: shapes.Analytes) -> CommittedRow | RefusedUploadRow:
    if row.problem is not None:
        slug, sentence = row.problem.slug, row.problem.sentence
        return RefusedUploadRow(row.row, row.sample_test_id, ok=False, error=slug, message=sentence)
    assert row.test is not None
    shown = shapes.sample_test(row.test, analytes)
    return CommittedRow(row.row, row.test.id, ok=True, sample_test=shown)


def _shown(upload: models.InstrumentUpload, rows: Sequence[UploadRow]) -> Response:
    body = InstrumentUpload(
        id=upload.id,
        file_name=upload.file_name,
        sha256=upload.sha256,
        dry_run=upload.dry_run,
        confidence_threshold=upload.confidence_threshold,
        extractor=upload.extractor,
        rows=list(rows),
        applied=upload.applied,
        needs_review=upload.needs_review,
        unmatched=upload.unmatched,
    )
    return answer(InstrumentUpload, body)


def _row(row: Row | models.InstrumentUploadRow, reasons: list[str]) -> UploadRow:
    return UploadRow(
        row=row.row,
        source=RowSource(row.sheet, row.line, row.column, row.text),
        sample_id=row.sample_id,
        tracking_id=row.tracking_id,
        external_id=row.external_id,
        test_code=row.test_code,
        sample_test_id=row.sample_test_id,
        result=row.result,
        unit=row.unit,
        confidence=row.confidence,
        reasons=reasons,
        status=row.status,
        analyte_id=row.analyte_id,
        analyte_code=row.analyte_code,
    )
