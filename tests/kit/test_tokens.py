"""Bearer secrets: their shape, their checksum, and what may be shown of them."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from titer.kit import tokens


def test_a_token_is_its_prefix_34_random_characters_and_a_checksum() -> None:
    token = tokens.mint("lk_")
    assert len(token) == 3 + 34 + 6
    assert set(token[3:]) <= set(tokens.BASE62)
    assert tokens.is_well_formed(token, "lk_")
    number = 0
    for digit in token[-6:]:
        number = number * 62 + tokens.BASE62.index(digit)
    assert number == zlib.crc32(token[:-6].encode())


def test_no_two_tokens_are_alike() -> None:
    assert len({tokens.mint("lk_") for _ in range(1_000)}) == 1_000


@given(st.integers(min_value=3, max_value=42), st.sampled_from(tokens.BASE62))
def test_one_wrong_character_is_noticed(place: int, character: str) -> None:
    token = tokens.mint("lk_")
    typo = token[:place] + character + token[place + 1 :]
    assert tokens.is_well_formed(typo, "lk_") is (typo == token)


@given(st.integers(min_value=3, max_value=41))
def test_two_characters_exchanged_are_noticed(place: int) -> None:
    token = tokens.mint("lk_")
    swapped = token[:place] + token[place + 1] + token[place] + token[place + 2 :]
    assert tokens.is_well_formed(swapped, "lk_") is (swapped == token)


@given(st.text(max_size=60))
def test_no_text_is_mistaken_for_a_token(text: str) -> None:
    assert not tokens.is_well_formed(text, "lk_")
    assert not tokens.is_well_formed(f"lk_{text}", "lk_")


@pytest.mark.parametrize("change", [str.upper, str.lower, lambda token: token + "\n", str.swapcase])
def test_a_token_in_another_spelling_is_none(change: object) -> None:
    token = "lk_" + "aB3" * 11 + "x"
    token += tokens.checksum(token)
    assert tokens.is_well_formed(token, "lk_")
    assert callable(change)
    assert not tokens.is_well_formed(change(token), "lk_")


def test_a_token_of_another_kind_is_not_taken() -> None:
    assert not tokens.is_well_formed(tokens.mint("ls_"), "lk_")
    assert tokens.is_well_formed(tokens.mint("ls_"), "lk_", "ls_")


def test_only_the_prefix_and_eight_characters_are_shown_of_a_token() -> None:
    token = tokens.mint("lk_")
    assert tokens.masked(token) == token[:11] + "..."


def test_a_digest_is_sha256_and_does_not_hold_the_token() -> None:
    token = tokens.mint("lk_")
    assert len(tokens.digest(token)) == 32
    assert tokens.digest(token) == tokens.digest(token) != tokens.digest(tokens.mint("lk_"))
