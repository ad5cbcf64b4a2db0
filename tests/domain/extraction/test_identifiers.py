"""Identifiers are found however they are dressed, and not where something else is meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from titer.domain.extraction.identifiers import Fit, Identifiers, is_weak
from titer.domain.extraction.values import Sample

SAMPLES = [
    Sample(1, "W26-0101"), Sample(2, "W26-0102", "CLIENT-7"), Sample(3, "PNNL 187"),
    Sample(4, "HEM -20 MICRO -"), Sample(5, "HEM +20 MICRO -"), Sample(6, "0012345"),
    Sample(7, "27"), Sample(8, "13894"), Sample(9, "W26-0101-B2X"), Sample(10, "Sample 4"),
    Sample(11, "16-0228"),
]  # fmt: skip
IDS = Identifiers(SAMPLES)


@pytest.mark.parametrize(("text", "sample", "fit"), [
    ("W26-0101", 1, Fit.EXACT), (" w26-0101 ", 1, Fit.EXACT), ("W26_0101", 1, Fit.SPELLED),
    ("CLIENT-7", 2, Fit.EXACT), ("PNNL-187", 3, Fit.SPELLED), ("W26-0101-R01", 1, Fit.SUFFIXED),
    ("12_W26-0102", 2, Fit.SUFFIXED), ("12345", 6, Fit.SUFFIXED), ("13894 MUCH", 8, Fit.WORDED),
    ("Report of W26-0101 from today", 1, Fit.WORDED), ("27", 7, Fit.EXACT),
    (r"C:\data\W26-0101_2.qgd", 1, Fit.PATH), ("W26-0101-5", 1, Fit.NUMBERED),
    ("W26-0101-B2X", 9, Fit.EXACT), ("XY-16-0228", 11, Fit.NUMBERED), ("Sample 4", 10, Fit.EXACT),
    ("HEM -20 MICRO -", 4, Fit.EXACT), ("3-16-0228", 11, Fit.NUMBERED),
])  # fmt: skip
def test_a_sample_is_found_in_its_dress(text, sample, fit) -> None:
    (match,) = IDS.find(text)
    assert (match.sample.id, match.fit) == (sample, fit)


@pytest.mark.parametrize("suffix", ["dup", "spk", "MSD", "blank", "QC", "R.POS", "std 2", "CCV1"])
def test_duplicates_spikes_and_controls_are_no_results(suffix) -> None:
    (match,) = IDS.find(f"W26-0101 {suffix}")
    assert match.fit is Fit.CONTROL


@pytest.mark.parametrize("text", [
    "", "W26-9999", "W26", "270", "no 27 here", "0101", "HEM 20 MICRO", "?", "x27", "27.5",
])  # fmt: skip
def test_what_names_no_sample_finds_none(text) -> None:
    assert IDS.find(text) == ()


def test_a_dilution_is_remembered() -> None:
    (match,) = IDS.find("W26-0101_10x")
    assert (match.diluted, match.fit) == (True, Fit.SUFFIXED)
    assert IDS.find("W26-0101 1:10")[0].diluted


def test_two_samples_in_one_text_are_both_found() -> None:
    assert {m.sample.id for m in IDS.find("W26-0101 and W26-0102")} == {1, 2}


def test_a_spelling_that_two_samples_share_names_neither() -> None:
    both = Identifiers([Sample(1, "AB 1201"), Sample(2, "AB-1201")])
    assert both.find("AB_1201") == ()
    assert both.find("AB-1201")[0].sample.id == 2


@pytest.mark.parametrize(("identifier", "weak"), [
    ("27", True), ("1234", True), ("12345", False), ("A1", True), ("Sample 4", True),
    ("W26-0101", False), ("BOG652", False), ("S-12", True), ("10H", True),
])  # fmt: skip
def test_short_names_are_weak(identifier, weak) -> None:
    assert is_weak(identifier) is weak


@given(st.sampled_from(["", " ", "run ", "3_"]), st.sampled_from(["", " ", "_R1", "_rep2", " 5x"]))
def test_an_identifier_is_found_between_separators(before, after) -> None:
    (match,) = IDS.find(f"{before}W26-0102{after}")
    assert match.sample.id == 2
    assert match.fit is not Fit.CONTROL
