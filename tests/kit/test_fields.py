"""The kinds of value that a request may carry."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from titer.kit.web import fields

TAKEN: list[tuple[Any, Any, Any]] = [
    (fields.Id, 1, 1),
    (fields.Id, 2**63 - 1, 2**63 - 1),
    (fields.PathId, "1", 1),
    (fields.PathId, "9223372036854775807", 2**63 - 1),
    (fields.Text, "  Acme  ", "Acme"),
    (fields.Text, "é🧪", "é🧪"),
    (fields.Text, "a" * 500, "a" * 500),
    (fields.Prose, "", ""),
    (fields.Prose, "a\tb\r\nc", "a\tb\r\nc"),
    (fields.Prose, " kept ", " kept "),
    (fields.Code, "A-1_.:/+", "A-1_.:/+"),
    (fields.Flag, True, True),
    (fields.Moment, "2026-06-18", datetime(2026, 6, 18, tzinfo=UTC)),
    (fields.Moment, "2026-06-18T09:12:00Z", datetime(2026, 6, 18, 9, 12, tzinfo=UTC)),
    (fields.Moment, "2026-06-18T09:12:00+02:00", datetime(2026, 6, 18, 7, 12, tzinfo=UTC)),
    (
        fields.Moment,
        "2026-06-18T09:12:00.123999Z",
        datetime(2026, 6, 18, 9, 12, 0, 123_000, tzinfo=UTC),
    ),
    (
        fields.EndMoment,
        "2026-06-18",
        datetime(2026, 6, 18, 23, 59, 59, 999_000, tzinfo=UTC),
    ),
    (fields.EndMoment, "9999-12-31", datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)),
    (fields.EndMoment, "2026-06-18T00:00:00Z", datetime(2026, 6, 18, tzinfo=UTC)),
    (fields.DayOrMoment, "2026-06-18", "2026-06-18"),
    (fields.DayOrMoment, "2026-06-18T11:12:00+02:00", "2026-06-18T09:12:00.000Z"),
    (fields.DayOrMoment, "2024-02-29", "2024-02-29"),
    (fields.Exact, 5, Decimal(5)),
    (fields.Exact, Decimal("0.015"), Decimal("0.015")),
    (fields.Exact, Decimal("123456789012.345"), Decimal("123456789012.345")),
]
REFUSED: list[tuple[Any, Any]] = [
    *[(fields.Id, wrong) for wrong in ("12", True, 1.0, Decimal("1.0"), 0, -1, 2**63, None, [1])],
    *[
        (fields.PathId, wrong)
        for wrong in (
            "0",
            "-1",
            "+5",
            "007",
            "1_000",
            "1.0",
            "1e3",
            " 12 ",
            "12\n",
            "",
            "0x10",
            "\u0661",
            "9223372036854775808",
            "1180591620717411303424",
            "9" * 5_000,
            "abc",
            "null",
            5,
        )
    ],
    *[
        (fields.Text, wrong)
        for wrong in ("", "   ", "a" * 501, "a\x00", "a\x1b[31m", "a\x08", 5, None, True)
    ],
    *[(fields.Prose, wrong) for wrong in ("a" * 10_001, "a\x00", "\x0b", 5)],
    *[(fields.Code, wrong) for wrong in ("", "-a", "a b", "a" * 65, "ä", "a\n", 5)],
    *[(fields.Flag, wrong) for wrong in ("true", 1, 0, None, "")],
    *[
        (kind, wrong)
        for kind in (fields.Moment, fields.EndMoment, fields.DayOrMoment)
        for wrong in (
            "2026-06-18T09:12:00",
            "2026-06-18 09:12",
            "2026-13-01",
            "2026-02-30",
            "2025-02-29",
            "18.06.2026",
            "06/18/2026",
            "2026-06-18T25:00:00Z",
            "2026-06-18T09:12:00+99:00",
            "0001-01-01T00:00:00+10:00",
            "9999-12-31T23:59:59-10:00",
            "now",
            "",
            "\u0662\u0660\u0662\u0666-06-18",
            "2" * 5_000,
            1_750_000_000,
            None,
            True,
        )
    ],
    *[(fields.Day, wrong) for wrong in ("2026-06-18T00:00:00Z", "2026-02-30", "", 5)],
    *[
        (fields.Exact, wrong)
        for wrong in ("1", True, 0.5, None, Decimal(1234567890123456), Decimal("1e15"))
    ],
]


@pytest.mark.parametrize(("kind", "given", "value"), TAKEN)
def test_a_value_of_its_kind_is_taken(kind: Any, given: Any, value: Any) -> None:
    assert TypeAdapter(kind).validate_python(given) == value


@pytest.mark.parametrize(("kind", "given"), REFUSED)
def test_a_value_of_another_kind_is_refused(kind: Any, given: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(given)
