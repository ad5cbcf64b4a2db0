"""What the words of a header say about the column below it."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from titer.domain.extraction.naming import unit_stripped
from titer.domain.extraction.wording import fold, key, words

_HERE = Path(__file__).parent


def _sections() -> dict[str, list[str]]:
    """The lines of the table beside this module, by the title of their section."""
    found: dict[str, list[str]] = {}
    lines = (_HERE / "roles.txt").read_text(encoding="utf-8").splitlines()
    title = ""
    for line in lines:
        if line.startswith("## "):
            title = line.removeprefix("## ")
        elif line and not line.startswith("# "):
            found.setdefault(title, []).append(line)
    return found


def _names(role: str) -> dict[str, float]:
    """The names of a role, with how far each can be relied on."""
    return {
        name: float(title.split()[1])
        for title, lines in _SECTIONS.items()
        if title.startswith(role)
        for line in lines
        for name in line.split("|")
    }


def _names_of(kind: str) -> frozenset[str]:
    """The names of the sections whose title says that they are of one kind."""
    lines = (_SECTIONS[title] for title in _SECTIONS if title.endswith(f" of {kind}"))
    return frozenset(name for section in lines for line in section for name in line.split("|"))


_SECTIONS = _sections()
_SAMPLE, _TEST, _UNIT, _VALUE = map(_names, ("sample ", "test ", "unit ", "value "))
_CYCLES, _AREAS = _names_of("cycles"), _names_of("areas")
_NEGATIVE = frozenset(word for line in _SECTIONS["negative words"] for word in line.split())
#: What was measured on the way to the sample's own content.
_BEFORE_THE_END = frozenset(
    "reaction well digest extract tube eluate aliquot diluted calib calibration".split()
)
_SOFT_NEGATIVE = frozenset(("id sample name no mw matrix code pct mass type nm c").split())
_IDENTIFIES = frozenset(
    "id ident identifier identifikation nr no number num numero nummer name naam namn nom nombre"
    " nome nazwa code codigo kod kode label bezeichnung omschrijving beschreibung kennung".split()
)
_KINDS_OF_NAMES = frozenset("short full long display abbreviation abbr symbol lims".split())
_STATISTIC = re.compile(
    r"^(?:sd|s\.?d\.?|std\.?\s?dev\.?|stdev|stddev|standard deviation|%?\s?rsd.*|rel\.?\s?std.*|cv"
    r"|%\s?cv|cv\s?%|rsd\s?\(?%?\)?|variance|min(?:imum)?|max(?:imum)?|range|number"
    r"|count|n|sum|total|s|s ?(?:rel|abs).*|srel.*"
    r"|sdev of \d+|std of \d+|median|uncertainty|error|recovery.*|%\s?rec.*|spannweite|anzahl"
    r"|standardabweichung|stabw|ecart[- ]type|desv.*|varianz|se|sem|95% ci|relative std.*|sum:?"
    r"|標準偏差|変動係数|标准偏差|相对标准偏差|変動係数%|ско|осо"
    r"|reporting limit|mdl|lod|loq|rl|detection limit|bias|difference|rpd)[:.]?$"
)
_STATISTIC_OF = re.compile(
    r"^\D{2,24}[ _](?:%?\s?rsd|sd|std\.?\s?dev\.?|stdev|cv|%\s?cv)\s?\(?%?\)?$"
)
_SIGNAL = re.compile(
    r"^(?:(?:raw|net|mean|meas\.?|corr\.?|average|avg) )?"
    r"(?:intensit(?:y|ies)|intens\.?|cps|counts per second|absorbance|peak area|response)"
    r"(?: (?:average|mean|avg|per run))?$"
)
_MEAN = re.compile(
    r"^(?:mean|average|avg|ave|aver\.?|mittelwert|mw|mittel|moyenne|moy\.?|media|promedio|medio|x̄"
    r"|平均值|平均値|平均|среднее|(?:wt|weighted) mean(?: activity)?"
    r"|ave of \d+|mean of \d+|average of \d+|mean value|gemiddelde|durchschnitt|x"
    r"|(?:mean|average|avg|mittelwert|moyenne|promedio|media) (?:of )?(?:the )?(?:conc\w*|konz\w*"
    r"|results?|ergebnis\w*|values?|samples?|replicates?|readings?|measurements?)"
    r"|(?:conc\w*|konz\w*|results?|ergebnis\w*|amount|quantity|sq)"
    r" (?:mean|average|avg|mittelwert|mw|moyenne|media|promedio))[:.]?$"
)
_CONTROL_TYPE = re.compile(
    r"^(?:std|stds|standard|standards|cal|calib|calibration|calibrator"
    r"|calibration (?:standard|blank)"
    r"|blank|blk|cal ?blk|calblk|cal ?std|calstd|check standard|check std|qc"
    r"|qc sample|control|spike|spiked"
    r"|matrix spike|dup|duplicate|ccv|ccb|icv|icb|lcs|lfb|crm|wash|rinse|quality control|ctrl|ref"
    r"|reference|kalibrierung|leerwert|blanc|étalon|etalon|blanco|patron|patrón|kontrolle"
    r"|standard solution|method blank|drift|ntc|negative control|positive control|nc|pc"
    r"|标准空白|标准溶液|样品空白|质控样|空白|标样|標準液|ブランク|標準|チェック液.*|контроль"
    r"|стандарт|холостая проба|градуировка|fortified|spk|bianco|branco"
    r"|qualifiers?|internal standards?|istd"
    r"|(?:matrix |post )?spike dup(?:licate)?|post spike|ms|msd|lcsd"
    r"|(?:lab|laboratory|sample|analytical) dup(?:licate)?|(?:prep|reagent|instrument) blank"
    r"|(?:lab|laboratory) control(?: sample)?(?: dup(?:licate)?)?"
    r"|(?:initial|continuing) calibration .{3,12}|calibration (?:check|verification))$"
)


_NUMBER_OF_RESULT = re.compile(r"[a-z]{0,2}\d{1,2}")
_NUMBERED_RESULT = re.compile(r"(?:r|result|res|ergebnis|wert) ?\d{1,2}")
_FURTHER, _FAINT = re.compile(r" ?[2-9]$"), 0.4
_NUMBER_BEHIND = re.compile(r"(?<=[a-z]{4})\d$")
#: One of several results of a test, each with a unit of its own: `Paramètre 2`.
_NUMBERED_OF_SEVERAL = re.compile(r"(?:parametr?[eo]|parameter) \d")
_OF_SEVERAL = 0.85
#: The first of several names of a sample: `Sample ID 1`.
_FIRST = re.compile(r" ?1$")


@dataclass(frozen=True, slots=True)
class Role:
    """The reading of one header text; each field is a strength between 0 and 1."""

    sample: float = 0.0
    test: float = 0.0
    unit: float = 0.0
    value: float = 0.0
    negative: bool = False

    @property
    def named(self) -> bool:
        return bool(self.sample or self.test or self.unit or self.value or self.negative)


def bare(text: str) -> str:
    """The header without what stands in brackets and without a closing colon."""
    return re.sub(r"[(\[{][^)\]}]*[)\]}]", " ", text).strip(" :.*#") or text


def negative_words(text: str) -> frozenset[str]:
    """The words of a text that speak against its being a result."""
    tokens = words(text)
    found = (set(tokens) | {token.rstrip("0123456789") for token in tokens}) & _NEGATIVE
    folded = fold(text)
    if "±" in text or "+/-" in text or re.search(r"%\s?(?:rsd|rec|cv)", folded):
        found.add("±")
    if folded in ("n", "nr", "no", "exp"):
        found.add(folded)
    return frozenset(found)


@lru_cache(maxsize=16384)
def role_of(text: str) -> Role:
    """Read one header text."""
    if not text or len(text) > 80:
        return Role()
    whole, core = key(text), key(bare(text))
    plain = key(unit_stripped(bare(text)))
    sample = test = unit = value = 0.0
    for name in dict.fromkeys((whole, core, plain)):
        sample = max(sample, _SAMPLE.get(name, 0.0), _SAMPLE.get(_FIRST.sub("", name), 0.0))
        sample = max(sample, _identified(name))
        sample = max(sample, _FAINT if _SAMPLE.get(_FURTHER.sub("", name), 0.0) else 0.0)
        test = max(test, _TEST.get(name, 0.0), _named_after(name))
        bare_name = _NUMBER_BEHIND.sub("", name)
        unit = max(unit, *(_UNIT.get(one, 0.0) for one in (name, _unnumbered(name), bare_name)))
        value = max(value, _VALUE.get(name, 0.0), _VALUE.get(name.removeprefix("sample "), 0.0))
    bracket = _bracket(text)
    if _NUMBERED_RESULT.fullmatch(core) and bracket:
        # `R1 (Drift)` beside `R2 (Content)`: only the brackets tell which is the result.
        value = _VALUE.get(key(bracket), 0.0)
    if not value and _NUMBERED_OF_SEVERAL.fullmatch(core):
        value = _OF_SEVERAL
    negative = bool(negative_words(text)) and not (sample or test or unit or value)
    if not value and not (sample or test or unit):
        value = _loose_value(text, negative)
    if value and (
        negative_words(bracket) - _SOFT_NEGATIVE or _BEFORE_THE_END.intersection(words(bracket))
    ):
        value *= 0.9
    return Role(sample, test, unit, value, negative)


def _identified(name: str) -> float:
    """How far a word for a sample and one for what identifies it can be relied on together."""
    first, _, last = name.rpartition(" ")
    pairs = ((first, last), (last, first)) if first else ()
    known = [_SAMPLE.get(thing, 0.0) for thing, by in pairs if by in _IDENTIFIES]
    return max((score for score in known if score >= 1), default=0.0)


def _named_after(name: str) -> float:
    """How far a word for a test and words for a name of it can be relied on: `test short name`."""
    first, _, rest = name.partition(" ")
    of_names = rest.split() and set(rest.split()) <= _IDENTIFIES | _KINDS_OF_NAMES
    return _TEST.get(first, 0.0) if of_names else 0.0


def _unnumbered(name: str) -> str:
    """A header of one of several results without the number of the result: `unit` of `unit r1`."""
    return " ".join(word for word in name.split() if not _NUMBER_OF_RESULT.fullmatch(word))


def _bracket(text: str) -> str:
    return " ".join(re.findall(r"[(\[{]([^)\]}]*)[)\]}]", text))


def _loose_value(text: str, negative: bool) -> float:
    """A value word among others still says something, unless one speaks against it."""
    if negative:
        return 0.0
    tokens = words(text)
    if len(tokens) > 6:
        return 0.0
    for size in (3, 2, 1):
        for at in range(len(tokens) - size + 1):
            score = _VALUE.get(" ".join(tokens[at : at + size]), 0.0)
            if score and not (size == 1 and len(tokens[at]) < 3):
                return score * 0.9
    return 0.0


@lru_cache(maxsize=16384)
def is_statistic(text: str) -> bool:
    """Whether a row label names a statistic over other rows that is no result."""
    if len(text) >= 32:
        return False
    plain = fold(text)
    return _STATISTIC.match(plain) is not None or _STATISTIC_OF.match(plain) is not None


@lru_cache(maxsize=16384)
def is_signal(text: str) -> bool:
    """Whether a row label names what the instrument sensed, from which results are calculated."""
    return len(text) < 32 and _SIGNAL.match(fold(bare(text))) is not None


@lru_cache(maxsize=16384)
def is_of_cycles(text: str) -> bool:
    """Whether a header is of the cycles at which an amplification is seen: `Cq`, `Ct Mean`."""
    return key(bare(text)) in _CYCLES


@lru_cache(maxsize=16384)
def is_of_area(text: str) -> bool:
    """Whether a header is of shares of a chromatogram's area, which are results of some tests."""
    return key(bare(text)) in _AREAS or key(text) in _AREAS


@lru_cache(maxsize=16384)
def is_mean(text: str) -> bool:
    """Whether a row label names the mean of other rows."""
    return len(text) < 32 and _MEAN.match(fold(text)) is not None


@lru_cache(maxsize=16384)
def is_control_type(text: str) -> bool:
    """Whether a row is declared a standard, blank, spike or control."""
    return len(text) < 32 and _CONTROL_TYPE.match(fold(text)) is not None


_SHEET_RAW = re.compile(
    r"\b(?:raw|area|areas|intensity|intensities|calib\w*|cal|curve|audit|integration|log|method"
    r"|settings|qc|blank|standards?|peak analysis|counts|cps|rohdaten|template)\b"
)
_SHEET_FINAL = re.compile(
    r"\b(?:conc\w*|results?|final|report\w*|sample units|ergebnis\w*|resultat\w*|resultado\w*)\b"
)


@lru_cache(maxsize=256)
def sheet_rank(name: str) -> float:
    """How much a sheet's name promises final results."""
    plain = " ".join(words(name))
    if _SHEET_RAW.search(plain):
        return 0.85
    return 1.0 if _SHEET_FINAL.search(plain) or not plain else 0.97
