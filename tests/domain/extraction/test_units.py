"""Units are compared by what they measure; only exact factors lead from one to the other."""

from decimal import Decimal

import pytest

from titer.domain.extraction.units import Agreement, compare, is_unit, measure


@pytest.mark.parametrize(("found", "wanted"), [
    ("mg/l", "mg/L"), ("mg L-1", "mg/L"), ("ug/mL", "mg/L"), ("µS/cm", "uS/cm"), ("mg N/L", "mg/L"),
    ("10*3/uL", "10^9/L"), ("K/uL", "x10^9/L"), ("mass%", "%"), ("°C", "degC"), ("g/100 g", "%"),
    ("mg per L", "mg/L"), ("cells/mm3", "cells/uL"), ("(x10^6) cells/mL", "10^6 cells/mL"),
    ("mU/L", "uU/mL"),
])  # fmt: skip
def test_spellings_of_one_unit_are_the_same(found, wanted) -> None:
    assert compare(found, wanted)[0] is Agreement.SAME


@pytest.mark.parametrize(("found", "wanted", "factor"), [
    ("ug/L", "mg/L", "0.001"), ("g/dL", "g/L", "10"), ("%", "mg/kg", "10000"),
    ("ppm", "%", "0.0001"), ("10^(-1)fL", "fL", "0.1"), ("mS/m", "uS/cm", "10"),
    ("CFU/mL", "CFU/100mL", "100"), ("1e6/mL", "10^6/L", "1000"),
])  # fmt: skip
def test_a_convertible_unit_has_an_exact_factor(found, wanted, factor) -> None:
    agreement, found_factor = compare(found, wanted)
    assert (agreement, found_factor) == (Agreement.CONVERTIBLE, Decimal(factor))


@pytest.mark.parametrize(("found", "wanted", "agreement"), [
    ("ppm", "mg/L", Agreement.NOTE), ("NTU", "FNU", Agreement.NOTE), ("ppm", "mg/kg", Agreement.NOTE),
    ("", "mg/L", Agreement.ABSENT), ("mg/L", "", Agreement.ABSENT),
    ("bananas", "mg/L", Agreement.UNKNOWN), ("a/b/c", "mg/L", Agreement.UNKNOWN),
    ("cps", "mg/L", Agreement.CONTRADICTS), ("mg/L", "FNU", Agreement.CONTRADICTS),
    ("CFU/mL", "MPN/mL", Agreement.CONTRADICTS), ("ppb", "mg/L", Agreement.CONTRADICTS),
    ("x" * 50, "mg/L", Agreement.UNKNOWN),
])  # fmt: skip
def test_other_pairs_are_told_apart(found, wanted, agreement) -> None:
    assert compare(found, wanted)[0] is agreement


def test_a_number_is_no_unit_but_a_unit_is() -> None:
    assert not is_unit("589.592")
    assert not is_unit("10")
    assert not is_unit("")
    assert is_unit("%")
    assert is_unit("mg/L")


def test_a_power_without_a_volume_is_no_measure() -> None:
    assert measure("10^3") is None
    assert measure("mg/x/y") is None
    assert measure("mg/zz") is None
