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
    """An extraction as JSON can hold it."""
    return {
        "proposals": [_pack_proposal(p) for p in extraction.proposals],
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


def _pack_proposal(p: Proposal) -> list[Any]:
    original = (
        None if p.converted_from is None else [p.converted_from.result, p.converted_from.unit]
    )
    return [
        p.target_id, p.sample_id, p.assay_id, p.result, p.unit, p.confidence, p.raw_score,
        p.conflict, p.layout, _source(p.source), _source(p.sample_source),
        _source(p.test_source), original, sorted(p.flags), p.reasons,
    ]  # fmt: skip


def unpack_extraction(document: Any, world: World) -> Extraction:
    """Rebuild an extraction, trusting nothing in it that the world does not bear out."""
    try:
        targets = {(t.id, t.sample_id, t.assay_id) for t in world.targets}
        tracking = {s.id: s.tracking_id for s in world.samples}
        assays = {a.id: a for a in world.assays}
        return Extraction(
            tuple(_unpack_proposal(p, targets, tracking, assays) for p in document["proposals"]),
            tuple(_unpack_unmatched(u, assays) for u in document["unmatched"]),
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


def _unpack_proposal(
    packed: Any,
    targets: set[tuple[int, int, int]],
    tracking: dict[int, str],
    assays: dict[int, Assay],
) -> Proposal:
    (target, sample, assay, result, unit, sure, raw, conflict, layout, source, sample_source,
     test_source, original, flags, reasons) = packed  # fmt: skip
    if (target, sample, assay) not in targets or not 0 <= float(sure) <= 1:
        raise Garbled("a proposal for no open target")
    known = assays[assay]
    return Proposal(
        target_id=target, sample_id=sample, tracking_id=tracking[sample], assay_id=assay,
        code=known.code, analyte_id=known.analyte_id, result=_text(result), unit=_text(unit),
        confidence=float(sure), raw_score=float(raw), conflict=bool(conflict),
        layout=_text(layout), source=_unpack_source(source),
        sample_source=None if sample_source is None else _unpack_source(sample_source),
        test_source=None if test_source is None else _unpack_source(test_source),
        converted_from=_original(original),
        flags=frozenset(_text(flag) for flag in flags),
        reasons=tuple(_text(reason) for reason in reasons),
    )  # fmt: skip


def _original(packed: Any) -> Original | None:
    return None if packed is None else Original(_text(packed[0]), _text(packed[1]))


def _unpack_unmatched(packed: Any, assays: dict[int, Assay]) -> Unmatched:
    reason, sample, tracking_id, code, result, unit, source, assay = packed
    if assay is not None and assay not in assays:
        raise Garbled("a value of no known assay")
    return Unmatched(_text(reason), sample, tracking_id, code, _text(result), _text(unit),
                     _unpack_source(source), assay)  # fmt: skip
