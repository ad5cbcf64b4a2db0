"""Believable results: each test's usual value and spread, censored below what it can quantify."""

import math
from decimal import ROUND_HALF_EVEN, Decimal
from random import Random

from titer.domain.reference.models import TestDefinition

#: The median of finished drinking water, in the test's unit, and how far values spread around it
#: (the standard deviation of their natural logarithm).
USUAL: dict[str, tuple[float, float]] = {
    "PH": (7.6, 0.03),
    "TURB": (0.12, 0.6),
    "COND": (420, 0.25),
    "TDS": (260, 0.2),
    "ALK": (95, 0.2),
    "HARD": (130, 0.3),
    "COLOR": (3, 0.8),
    "ODOR": (1, 0.3),
    "CL2": (1.1, 0.4),
    "TOC": (1.6, 0.4),
    "CL": (28, 0.4),
    "SO4": (34, 0.4),
    "F": (0.7, 0.1),
    "NO3": (1.9, 0.6),
    "NO2": (0.006, 0.9),
    "PB": (0.0012, 1.1),
    "CU": (0.09, 1.0),
    "AS": (0.0011, 0.8),
    "BA": (0.04, 0.5),
    "CD": (0.0001, 0.6),
    "CR": (0.0012, 0.7),
    "SE": (0.0009, 0.7),
    "U": (0.0018, 0.9),
    "MN": (0.006, 1.0),
    "FE": (0.04, 0.9),
    "HG": (0.0001, 0.5),
    "TTHM": (0.038, 0.35),
    "HAA5": (0.026, 0.35),
    "TC": (0, 0),
    "ECOLI": (0, 0),
    "HPC": (8, 1.2),
}
#: An ordinary result keeps away from its limits by this share of the span between them.
_MARGIN = Decimal("0.1")


def ordinary(chance: Random, test: TestDefinition) -> str:
    """A result within specification, as an analyst writes it: `7.58`, or `<0.0005`."""
    value = _drawn(chance, test)
    if test.spec_max is not None:
        low = test.spec_min or Decimal(0)
        margin = (test.spec_max - low) * _MARGIN
        value = min(value, test.spec_max - margin)
        if test.spec_min is not None:
            value = max(value, test.spec_min + margin)
    return _written(value, test)


def excessive(chance: Random, test: TestDefinition) -> str:
    """A result above the test's maximum."""
    assert test.spec_max is not None
    factor = Decimal(str(round(chance.uniform(1.1, 1.8), 3)))
    smallest = Decimal(1).scaleb(-(test.decimals or 0))
    return _written(max(test.spec_max * factor, test.spec_max + smallest), test)


def _drawn(chance: Random, test: TestDefinition) -> Decimal:
    median, spread = USUAL[test.code]
    return Decimal(str(median * math.exp(chance.gauss(0, spread))))


def _written(value: Decimal, test: TestDefinition) -> str:
    step = Decimal(1).scaleb(-(test.decimals or 0))
    if test.loq is not None and value < test.loq:
        return f"<{test.loq.quantize(step):f}"
    return f"{value.quantize(step, ROUND_HALF_EVEN):f}"
