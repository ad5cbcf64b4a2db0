"""Rows of instrument uploads, of what was read from them, and of learned names."""

from decimal import Decimal

from sqlalchemy.orm import Mapped, mapped_column

from titer.kit.db.types import ExactDecimal
from titer.kit.owned import TenantOwned, Versioned


class InstrumentUpload(Versioned, TenantOwned):
    """A file that was sent, and how many of its rows went where. The file itself is not kept."""

    __tablename__ = "instrument_uploads"

    file_name: Mapped[str]
    sha256: Mapped[str]
    size: Mapped[int]
    dry_run: Mapped[bool]
    confidence_threshold: Mapped[Decimal] = mapped_column(ExactDecimal)
    hint: Mapped[str | None]
    extractor: Mapped[str]
    applied: Mapped[int]
    needs_review: Mapped[int]
    unmatched: Mapped[int]
    created_by: Mapped[int | None]


class InstrumentUploadRow(TenantOwned):
    """One value of a file: the cell it stands in, and the test, or the analyte of a panel, that it
    seems to be a result of.

    `result` and `unit` are the file's; `entry` is what is entered, which differs where the unit
    had to be converted. `label` is the file's name for the test.
    """

    __tablename__ = "instrument_upload_rows"
    __audited__ = False  # the upload's event counts them; a written result has its test's own event

    upload_id: Mapped[int]
    row: Mapped[int]
    sheet: Mapped[str]
    line: Mapped[int]
    column: Mapped[int]
    text: Mapped[str]
    label: Mapped[str | None]
    sample_id: Mapped[int | None]
    tracking_id: Mapped[str | None]
    external_id: Mapped[str | None]
    test_definition_id: Mapped[int | None]
    test_code: Mapped[str | None]
    analyte_id: Mapped[int | None]
    analyte_code: Mapped[str | None]
    sample_test_id: Mapped[int | None]
    result: Mapped[str | None]
    unit: Mapped[str | None]
    entry: Mapped[str | None]
    confidence: Mapped[Decimal] = mapped_column(ExactDecimal)
    #: A JSON list of sentences.
    reasons: Mapped[str]
    status: Mapped[str]


class ExtractionAlias(Versioned, TenantOwned):
    """A name that this organization's instruments give a test, or an analyte of one, learned from
    a written row."""

    __tablename__ = "extraction_aliases"

    text: Mapped[str]
    text_folded: Mapped[str]
    test_definition_id: Mapped[int]
    analyte_id: Mapped[int | None]
    created_by: Mapped[int | None]
