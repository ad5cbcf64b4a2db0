"""An assay that was recognised in a text."""

from dataclasses import dataclass

from titer.domain.extraction.values import Assay


@dataclass(frozen=True, slots=True)
class TestMatch:
    """An assay recognised in a text; `rest` are the words that it does not account for."""

    assay: Assay
    score: float
    kind: str
    rest: tuple[str, ...] = ()
