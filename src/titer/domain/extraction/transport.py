"""Worlds and extractions as plain lists, for the pipe to the child and back."""

import json
from dataclasses import dataclass
from typing import Any

from titer.domain.extraction.values import (
    Assay,
    Extraction,
    LearnedAlias,
    Original,
    Proposal,
    Sample,
    Source,
    Target,
    Unmatched,
    World,
)


class Garbled(ValueError):
    """What came over the pipe is no extraction of the world that went in."""


def pack_world(
    world: World,
    file_name: str,
    hint: str | None,
    *,
    with_excerpt: bool = False,
    mapping: Any = None,
) -> bytes:
    """Everything the child must know besides the file."""
    return json.dumps(
        {
            "file_name": file_name,
            "hint": hint,
            "with_excerpt": with_excerpt,
            "mapping": mapping,
            "samples": [[s.id, s.tracking_id, s.external_id] for s in world.samples],
            "assays": [
                [a.id, a.code, a.name, a.unit, a.aliases, a.analyte_id] for a in world.assays
            ],
            "targets": [[t.id, t.sample_id, t.assay_id] for t in world.targets],
            "learned": [[alias.text, alias.assay_id] for alias in world.learned],
        },
        separators=(",", ":"),
    ).encode()


@dataclass(frozen=True, slots=True)
class Task:
    """What a child is asked: to read a file, to excerpt it too, or to carry out a mapping."""

    world: World
    file_name: str
    hint: str | None
    with_excerpt: bool
    mapping: Any


def unpack_world(packed: bytes) -> Task:
    """The reverse of `pack_world`."""
    document = json.loads(packed)
    world = World(
        tuple([Sample(*row) for row in document["samples"]]),
        tuple([Assay(a, b, c, d, tuple(e), f) for a, b, c, d, e, f in document["assays"]]),
        tuple([Target(*row) for row in document["targets"]]),
        tuple([LearnedAlias(*row) for row in document["learned"]]),
    )
    return Task(
        world,
        document["file_name"],
        document["hint"],
        document["with_excerpt"],
        document["mapping"],
    )


def _source(source: Source | None) -> list[Any] | None:
    return None if source is None else [source.sheet, source.line, source.column, source.text]


def pack_extraction(extraction: Extraction) -> dict[str, Any]:
    """An extraction as JSON can hold it; what many proposals share is listed once."""
    grounds: dict[Any, int] = {}
    cited: dict[Source, int] = {}

    def place(source: Source | None) -> int | None:
        return None if source is None else cited.setdefault(source, len(cited))

    def pack(p: Proposal) -> list[Any]:
        original = p.converted_from
        ground = grounds.setdefault((p.flags, p.reasons), len(grounds))
        return [
            p.target_id, p.sample_id, p.assay_id, p.result, p.unit, p.confidence, p.raw_score,
            p.conflict, p.layout, _source(p.source), place(p.sample_source),
            place(p.test_source), original and [original.result, original.unit], ground,
        ]  # fmt: skip

    proposals = [pack(proposal) for proposal in extraction.proposals]
    return {
        "proposals": proposals,
        "grounds": [[sorted(flags), reasons] for flags, reasons in grounds],
        "cited": [_source(source) for source in cited],
        "unmatched": [
            [
                u.reason,
                u.sample_id,
                u.tracking_id,
                u.code,
                u.result,
                u.unit,
                _source(u.source),
                u.assay_id,
            ]
            for u in extraction.unmatched
        ],
        "unmatched_total": extraction.unmatched_total,
        "sheets": extraction.sheets,
        "extractor": extraction.extractor,
        "notes": extraction.notes,
        "strangers": extraction.strangers,
    }


def unpack_extraction(document: Any, world: World) -> Extraction:
    """Rebuild an extraction, trusting nothing in it that the world does not bear out."""
    try:
        unpack = _Unpacking(document, world)
        return Extraction(
            tuple([unpack.proposal(p) for p in document["proposals"]]),
            tuple([unpack.unmatched(u) for u in document["unmatched"]]),
            int(document["unmatched_total"]),
            tuple(_text(name) for name in document["sheets"]),
            _text(document["extractor"]),
            tuple(_text(note) for note in document["notes"]),
            tuple(_text(name) for name in document["strangers"]),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise Garbled(str(error)) from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Garbled("a text is missing")
    return value


def _unpack_source(value: Any) -> Source:
    sheet, line, column, text = value
    return Source(_text(sheet), int(line), int(column), _text(text))


class _Unpacking:
    """What proposals are held against, and what they share."""

    def __init__(self, document: Any, world: World) -> None:
        self._targets = {(t.id, t.sample_id, t.assay_id) for t in world.targets}
        self._tracking = {s.id: s.tracking_id for s in world.samples}
        self._assays = {a.id: a for a in world.assays}
        self._cited = [_unpack_source(source) for source in document["cited"]]
        self._grounds = [
            (frozenset(_text(flag) for flag in flags), tuple(_text(reason) for reason in reasons))
            for flags, reasons in document["grounds"]
        ]

    def _place(self, number: Any) -> Source | None:
        return None if number is None else self._cited[number]

    def proposal(self, packed: Any) -> Proposal:
        (target, sample, assay, result, unit, sure, raw, conflict, layout, source, sample_source,
         test_source, original, ground) = packed  # fmt: skip
        if (target, sample, assay) not in self._targets or not 0 <= float(sure) <= 1:
            raise Garbled("a proposal for no open target")
        known = self._assays[assay]
        flags, reasons = self._grounds[ground]
        return Proposal(
            target_id=target, sample_id=sample, tracking_id=self._tracking[sample],
            assay_id=assay, code=known.code, analyte_id=known.analyte_id, result=_text(result),
            unit=_text(unit), confidence=float(sure), raw_score=float(raw),
            conflict=bool(conflict), layout=_text(layout), source=_unpack_source(source),
            sample_source=self._place(sample_source), test_source=self._place(test_source),
            converted_from=_original(original), flags=flags, reasons=reasons,
        )  # fmt: skip

    def unmatched(self, packed: Any) -> Unmatched:
        reason, sample, tracking_id, code, result, unit, source, assay = packed
        if assay is not None and assay not in self._assays:
            raise Garbled("a value of no known assay")
        return Unmatched(_text(reason), sample, tracking_id, code, _text(result), _text(unit),
                         _unpack_source(source), assay)  # fmt: skip


def _original(packed: Any) -> Original | None:
    return None if packed is None else Original(_text(packed[0]), _text(packed[1]))
