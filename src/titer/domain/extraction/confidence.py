"""From the strength of the evidence to a probability that can be acted on."""

import itertools
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

CAP = 0.98
# What each doubt leaves at most, whatever else speaks for a row.
CEILINGS = {
    "ambiguous_number": 0.45,
    "unit_contradicts": 0.45,
    "qualified": 0.45,
    "weak_sample_id": 0.45,
    "several_samples_in_row": 0.45,
    "guessed_column": 0.45,
    "test_ambiguous": 0.45,
    "analyte_assumed": 0.45,
    "several_values": 0.6,
    "analyte_not_named": 0.7,
    "several_value_columns": 0.55,
    "share_of_area": 0.6,
    "on_the_way": 0.6,
    "basis_not_told": 0.6,
    "condition_not_told": 0.7,
    "several_columns": 0.75,
    "sheets_disagree": 0.75,
    "no_header": 0.75,
    "mean_by_arithmetic": 0.75,
    "named_by_figure": 0.75,
    "converted": 0.75,
    "diluted": 0.75,
    "text_result": 0.9,
    "loose_test_name": 0.7,
    "loose_sample_id": 0.6,
    "sample_from_file_name": 0.85,
    "shifted_header": 0.85,
}
UNIT_FACTORS = {
    "same": 1.03,
    "absent": 1.0,
    "unknown": 0.93,
    "note": 0.98,
    "convertible": 0.9,
    "contradicts": 0.5,
}


@lru_cache(maxsize=1)
def calibration() -> tuple[tuple[float, float], ...]:
    """Knots of the fitted map from raw score to probability, rising in both."""
    text = Path(__file__).with_name("calibration.json").read_text(encoding="utf-8")
    return tuple((float(raw), float(share)) for raw, share in json.loads(text)["knots"])


def calibrate(raw: float, knots: tuple[tuple[float, float], ...] | None = None) -> float:
    """The probability on the fitted line between the knots around a raw score."""
    points = knots if knots is not None else calibration()
    if raw <= points[0][0]:
        return points[0][1] * max(raw, 0.0) / points[0][0]
    for (left, low), (right, high) in itertools.pairwise(points):
        if raw <= right:
            return low + (high - low) * (raw - left) / (right - left)
    return points[-1][1]


def ceiling(flags: Iterable[str]) -> float:
    """The lowest of the ceilings that the flags of a row impose."""
    return min((CEILINGS[flag] for flag in flags if flag in CEILINGS), default=CAP)


def confidence(raw: float, flags: Iterable[str]) -> float:
    """Calibrated and capped; never above `CAP`."""
    return _confidence(raw, frozenset(flags))


@lru_cache(maxsize=4096)
def _confidence(raw: float, flags: frozenset[str]) -> float:
    return round(min(calibrate(raw), ceiling(flags), CAP), 4)
