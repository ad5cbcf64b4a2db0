"""What a person says about a file in a free sentence."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from titer.domain.extraction.values import Assay, LearnedAlias
from titer.domain.extraction.wording import key

_PAIR = re.compile(
    r"[\"'“”‘’]?([^\"'“”‘’=;,\n]{1,60}?)[\"'“”‘’]?\s*(?:=+>?|:=|→|->|\bis\b"
    r"|\bmeans\b|\bstands for\b)"
    r"\s*[\"'“”‘’]?([^\"'“”‘’=;,\n]{1,60})"
)
_COLUMN = re.compile(r"^(?:the )?(sample|id|specimen|result|value|test|analyte|unit)s?(?:"
                     r" id| name)?"
                     r" (?:column|col|field|header)s?$")  # fmt: skip
_MAX_HINT = 2_000


@dataclass(frozen=True, slots=True)
class Hint:
    """A sentence taken apart: further names of assays, and headers given a role."""

    aliases: tuple[LearnedAlias, ...] = ()
    sample_headers: frozenset[str] = frozenset()
    value_headers: frozenset[str] = frozenset()
    test_headers: frozenset[str] = frozenset()


def read_hint(text: str | None, assays: Iterable[Assay]) -> Hint:
    """Find `a = b` pairs that name an assay or give a column its role."""
    if not text:
        return Hint()
    named: dict[str, list[int]] = {}
    for assay in assays:
        for name in {key(assay.code), key(assay.name)} - {""}:
            named.setdefault(name, []).append(assay.id)
    aliases: list[LearnedAlias] = []
    headers: dict[str, set[str]] = {"sample": set(), "value": set(), "test": set()}
    for clause in re.split(r"[;\n]|,(?=\s)|\.(?=\s|$)", text[:_MAX_HINT]):
        pair = _PAIR.search(clause)
        if not pair:
            continue
        left, right = pair[1].strip(" ."), pair[2].strip(" .")
        for one, other in ((left, right), (right, left)):
            column = _COLUMN.match(one.casefold().strip())
            if column:
                headers[_role_name(column[1])].add(key(other))
            else:
                owners = named.get(key(one), [])
                if key(other) not in named:
                    aliases += [LearnedAlias(other, owner) for owner in owners]
    return Hint(tuple(aliases), frozenset(headers["sample"]), frozenset(headers["value"]),
                frozenset(headers["test"]))  # fmt: skip


def _role_name(word: str) -> str:
    if word in ("sample", "id", "specimen"):
        return "sample"
    return "test" if word in ("test", "analyte") else "value"
