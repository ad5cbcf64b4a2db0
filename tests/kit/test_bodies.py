"""JSON bodies: read exactly, or refused."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from titer.kit.errors import InvalidBody
from titer.kit.web.bodies import parse

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(plain, st.booleans())
def test_what_json_says_is_what_is_read(document: Any, escaped: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
    assert parse(json.dumps(document, ensure_ascii=escaped).encode()) == document


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused_and_nothing_else(body: bytes) -> None:
    try:
        document = parse(body)
    except InvalidBody:
        return
    assert document == parse(body.strip())


@pytest.mark.parametrize("text", ["0.1", "1.10", "1e3", "-0.0", "123456789012345678901234567890.5"])
def test_a_number_with_a_point_or_an_exponent_is_an_exact_decimal(text: str) -> None:
    number = parse(text.encode())
    assert type(number) is Decimal
    assert str(number) == str(Decimal(text))


REFUSED = {
    "nothing": b"",
    "no JSON": b"{'a': 1}",
    "a comma too many": b'{"a": 1,}',
    "two documents": b"{} {}",
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": Infinity}',
    "minus Infinity": b'{"a": -Infinity}',
    "1e999": b'{"a": 1e999}',
    "1e-999": b'{"a": 1e-999}',
    "an exponent beyond Decimal": b'{"a": 1e99999999999999999999}',
    "nothing times an exponent beyond Decimal": b'{"a": 0e99999999999999999999}',
    "a minus exponent beyond Decimal": b'{"a": 1e-99999999999999999999}',
    "5,000 digits": b'{"a": ' + b"9" * 5_000 + b"}",
    "a key twice": b'{"a": 1, "a": 2}',
    "a key twice, once escaped": b'{"a": 1, "\\u0061": 2}',
    "a key twice, within": b'[{"b": {"a": 1, "a": 1}}]',
    "a lone high surrogate": b'{"a": "\\ud800"}',
    "a lone low surrogate": b'{"a": "\\udc00 "}',
    "a surrogate as a key": b'{"\\ud800": 1}',
    "surrogates the wrong way round": b'{"a": "\\udc00\\ud800"}',
    "a surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "an escaped NUL": b'{"a": "x\\u0000"}',
    "an escaped NUL in a list": b'{"a": [["x\\u0000"]]}',
    "an escaped NUL as a key": b'{"\\u0000": 1}',
    "a raw NUL": b'{"a": "x\x00"}',
    "a raw line end": b'{"a": "x\n"}',
    "invalid UTF-8": b'{"a": "\xff"}',
    "an overlong slash": b'{"a": "\xc0\xaf"}',
    "Latin-1": '{"a": "\xe9"}'.encode("latin-1"),
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "100,000 brackets": b"[" * 100_000,
    "100,000 braces": b'{"a":' * 100_000,
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_a_lenient_parser_would_bend_is_refused(kind: str) -> None:
    with pytest.raises(InvalidBody):
        parse(REFUSED[kind])


def test_a_whole_surrogate_pair_is_one_character() -> None:
    assert parse(b'"\\ud83e\\uddea"') == "\U0001f9ea"
