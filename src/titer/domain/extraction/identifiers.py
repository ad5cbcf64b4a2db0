"""Finding the tenant's own sample identifiers in cell texts."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from titer.domain.extraction.values import Sample

_WORD = re.compile(r"[a-z0-9]+")
_TRIVIAL = re.compile(r"(?:sample|probe|echantillon|muestra|s|std|test)?[ _#-]*\d{1,3}[a-z]?")
_CONTROL = re.compile(
    r"^(?:dup|dupl|duplicate|spk|spike|spiked|ms|msd|mspk|matrix|blank|blk|bl|qc|lcs|lcsd|std|stds"
    r"|standard|cal|calib|ctrl|control|pos|neg|crm|ccv|ccb|icv|icb|chk|check|ds|pds|lfb|lfm|rinse"
    r"|wash|cc)\d*$"
)
_DILUTION = re.compile(
    r"^(?:\d{1,5}x|x\d{1,5}|dil|dilution|diluted|verd|d\d{1,4}x?|1in\d+|rerun|rr|reanalysis|ra)$"
)
_RUN = re.compile(r"^(?:r|rep|repl|run|inj|aliquot|replicate|v|bottle|tube|t|a)\d{0,2}$|^[a-d]$")
_PATH = re.compile(r"[\\/]|\.[a-z]{1,4}$", re.IGNORECASE)
_MANY_HITS = 8


class Fit(Enum):
    """How an identifier stands in a text, the surest first."""

    EXACT = 1.0
    SPELLED = 0.97
    SUFFIXED = 0.9
    WORDED = 0.88
    PATH = 0.75
    NUMBERED = 0.55
    CONTROL = 0.0


@dataclass(frozen=True, slots=True)
class IdMatch:
    """A sample recognised in a text; `weak` identifiers need their column's support."""

    sample: Sample
    fit: Fit
    weak: bool
    remainder: str = ""
    diluted: bool = False


@dataclass(frozen=True, slots=True)
class _Known:
    sample: Sample
    tokens: tuple[str, ...]
    plain: str
    weak: bool


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def is_weak(identifier: str) -> bool:
    """Short numbers, and numbered words anybody could write, name a sample poorly."""
    plain = _plain(identifier)
    figures = re.sub(r"\W", "", plain)
    if figures.isdigit():
        return len(figures) < 5
    return len(figures) < 4 or _TRIVIAL.fullmatch(plain) is not None


class Identifiers:
    """An index of identifiers by the words they are made of."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._exact: dict[str, _Known] = {}
        self._spelled: dict[tuple[str, ...], _Known | None] = {}
        self._padded: dict[str, _Known | None] = {}
        known: list[_Known] = []
        for sample in samples:
            for identifier in (sample.tracking_id, sample.external_id):
                if identifier and identifier.strip():
                    known.append(self._learn(sample, identifier))
        self._by_words: dict[tuple[str, ...], list[_Known]] = {}
        for one in known:
            if one.tokens and not one.weak:
                self._by_words.setdefault(one.tokens, []).append(one)
        # Only runs of words as long as some identifier are looked up in a text.
        self._lengths = sorted({len(tokens) for tokens in self._by_words}, reverse=True)
        self._cache: dict[str, tuple[IdMatch, ...]] = {}

    def _learn(self, sample: Sample, identifier: str) -> _Known:
        plain = _plain(identifier)
        tokens = tuple(_WORD.findall(plain))
        one = _Known(sample, tokens, plain, is_weak(identifier))
        held = self._exact.setdefault(plain, one)
        if held.sample.id == sample.id:
            one = held
        previous = self._spelled.get(tokens)
        if tokens in self._spelled and (previous is None or previous.sample.id != sample.id):
            self._spelled[tokens] = None
        else:
            self._spelled[tokens] = one
        if plain.isdigit() and len(plain.lstrip("0")) >= 4:
            bare = plain.lstrip("0")
            self._padded[bare] = None if bare in self._padded else one
        return one

    def find(self, text: str) -> tuple[IdMatch, ...]:
        """The samples a text names; several only where it names several distinct ones."""
        cached = self._cache.get(text)
        if cached is None:
            cached = self._find(text)
            if len(self._cache) < 200_000:
                self._cache[text] = cached
        return cached

    def _find(self, text: str) -> tuple[IdMatch, ...]:
        plain = _plain(text)
        if not plain:
            return ()
        exact = self._exact.get(plain)
        if exact is not None:
            return (IdMatch(exact.sample, Fit.EXACT, exact.weak),)
        tokens = tuple(_WORD.findall(plain))
        if not tokens:
            return ()
        if tokens in self._spelled and self._spelled[tokens] is None:
            return ()
        spelled = self._spelled.get(tokens)
        if spelled is not None and len(plain) - len(spelled.plain) < 3 and not _signed(plain):
            return (IdMatch(spelled.sample, Fit.SPELLED, spelled.weak),)
        if plain.isdigit():
            padded = self._padded.get(plain.lstrip("0"))
            return (IdMatch(padded.sample, Fit.SUFFIXED, padded.weak),) if padded else ()
        if len(tokens) > 40:
            tokens = tokens[:40]
        return self._inside(plain, tokens)

    def _inside(self, plain: str, tokens: tuple[str, ...]) -> tuple[IdMatch, ...]:
        hits: list[tuple[int, int, _Known]] = []
        for size in self._lengths:
            for at in range(len(tokens) - size + 1):
                for one in self._by_words.get(tokens[at : at + size], ())[:4]:
                    if _bounded(plain, one):
                        hits.append((at, at + size, one))
            if len(hits) > _MANY_HITS:
                break
        hits = [
            hit for hit in hits
            if not any(o is not hit and o[0] <= hit[0] and hit[1] <= o[1]
                       and (o[1] - o[0] > hit[1] - hit[0]
                            or len(o[2].plain) > len(hit[2].plain)) for o in hits)
        ]  # fmt: skip
        return tuple(_judge(plain, tokens, *hit) for hit in hits[:4])


def _signed(plain: str) -> bool:
    """A trailing or lone sign may be all that tells two identifiers apart."""
    return re.search(r"(?:^|\s)[+-](?:\s|$)|\s[+-]\d", plain) is not None


def _bounded(plain: str, one: _Known) -> bool:
    """Signs count: an identifier that carries them must stand in the text as written."""
    if _signed(one.plain):
        return one.plain in plain
    return True


def _judge(plain: str, tokens: tuple[str, ...], start: int, end: int, one: _Known) -> IdMatch:
    before, after = tokens[:start], tokens[end:]
    rest = before + after
    remainder = " ".join(rest)
    sample, weak = one.sample, one.weak
    folder = max(plain.rfind("\\"), plain.rfind("/")) if "\\" in plain else -1
    own = set(_WORD.findall(plain[folder + 1 :]))
    if any(_CONTROL.match(token) for token in rest if token in own):
        return IdMatch(sample, Fit.CONTROL, weak, remainder)
    if _PATH.search(plain) and not _PATH.search(one.plain) and ("\\" in plain or "." in plain):
        return IdMatch(sample, Fit.PATH, weak, remainder)
    diluted = any(_DILUTION.match(token) for token in after)
    after = tuple(token for token in after if not _DILUTION.match(token))
    if re.search(r"\b1\s?[:/]\s?\d+", plain):
        diluted, after = True, ()
    if not before and all(_RUN.match(token) for token in after):
        return IdMatch(sample, Fit.SUFFIXED, weak, remainder, diluted)
    if not after and len(before) == 1 and before[0].isdigit() and len(before[0]) <= 3:
        fit = Fit.NUMBERED if one.tokens[0].isdigit() else Fit.SUFFIXED
        return IdMatch(sample, fit, weak, remainder, diluted)
    glued = any(t.isdigit() for t in (before[-1:] + after[:1])) or _glued(plain, one)
    return IdMatch(sample, Fit.NUMBERED if glued else Fit.WORDED, weak, remainder, diluted)


def _glued(plain: str, one: _Known) -> bool:
    """Whether more of a name hangs on the identifier without a space between."""
    at = plain.find(one.plain)
    if at < 0:
        return True
    end = at + len(one.plain)
    left, right = plain[at - 1 : at], plain[end : end + 1]
    return left in ("-", "_", "/", ".") or (right in ("-", "_", "/", ".") and end + 1 < len(plain))
