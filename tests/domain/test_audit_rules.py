"""What an event's text says, to the byte, whichever way it is spelled."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from titer.domain.audit.rules import canonical, plain


class Colour(StrEnum):
    RED = "red"


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters(codec="utf-8"))
    | st.decimals(allow_nan=False)
    | st.dates()
    | st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=2))))
    | st.uuids()
    | st.just(Colour.RED),
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.tuples(parts, parts)
        | st.dictionaries(st.text(st.characters(codec="utf-8")) | st.integers(), parts, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), _VALUES, max_size=6))
def test_an_event_has_one_spelling(event: dict[str, object]) -> None:
    spelled = orjson.dumps(plain(event), option=orjson.OPT_SORT_KEYS).decode()
    assert canonical(event) == spelled


def test_the_spelling_is_ours() -> None:
    said = {
        "when": datetime(2026, 6, 18, 9, 12, tzinfo=UTC),
        "day": date(2026, 6, 18),
        "result": Decimal("0.50"),
        "whose": UUID(int=1),
        "colour": Colour.RED,
    }
    assert canonical({"after": said}) == (
        '{"after":{"colour":"red","day":"2026-06-18","result":"0.50",'
        '"when":"2026-06-18T09:12:00.000Z","whose":"00000000-0000-0000-0000-000000000001"}}'
    )


@pytest.mark.parametrize(
    "event",
    [{"after": {"result": 0.1}}, {"before": {"result": 0.1}}, {"x": 0.1}, {"after": {"x": {1}}}],
)
def test_what_has_no_exact_spelling_is_no_part_of_the_trail(event: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="the trail cannot keep a"):
        canonical(event)
