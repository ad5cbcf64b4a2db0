"""Result texts: read as written, never rounded, never completed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import lru_cache
from itertools import islice

from titer.domain.extraction.units import measure
from titer.domain.extraction.wording import fold


class Kind(Enum):
    NUMBER = "number"
    CENSORED = "censored"
    TEXT = "text"
    NONE = "none"


class Locale(Enum):
    """What the file uses as its decimal sign, as far as its own numbers show it."""

    POINT = "point"
    COMMA = "comma"
    GROUPED = "comma, and points between thousands"
    MIXED = "mixed"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Reading:
    """A cell read as a result: `result` is the text to enter, `unit` what stood behind it."""

    kind: Kind
    result: str
    unit: str = ""
    ambiguous: bool = False
    flagged: bool = False

    @property
    def number(self) -> Decimal | None:
        if self.kind is not Kind.NUMBER:
            return None
        try:
            return Decimal(self.result)
        except InvalidOperation:
            return None


_NOTHING = Reading(Kind.NONE, "")
_OPERATORS = {"<=": "<=", "≤": "<=", ">=": ">=", "≥": ">=", "<": "<", ">": ">", "~": "~", "≈": "~"}
_NUMBER = re.compile(
    r"^[*!]?\s*(?P<op><=|>=|<|>|≤|≥|~|≈)?\s*(?P<num>[+\-−]?(?:\d[\d.,'\u00a0\u202f ]*|[.,]\d+))"
    r"(?P<exp>\s?[eE][+-]?\d{1,3})?\s*(?P<rest>.{0,40})$",
    re.DOTALL,
)
_ABSENT = frozenset(
    (
        "n.a.|na|n/a|n. a.|-|--|---|----|-----|.|..|...|nan|null|none|nil|*|**|***|?|??|inf"
        "|error|err|failed|fail|invalid|pending|missing|nc|untitled|saturated|div/0|#div/0!"
        "|#n/a|#value!|#ref!|#name?|#num!|#null!|not applicable|not available|not found"
        "|not identified|not calculated|no data|no result|not measured|not determined"
        "|not tested|not done|not reported|no call|no ct|over range|no value|not analyzed"
        "|not analysed|no peak|no sample|- -|– –|n.b.|k.a.|nicht bestimmt|nicht gemessen"
        "|s.o.|aborted|cancelled"
    ).split("|")
)
#: A mark behind a word: `Trace*`, and that of a peak that a person deleted: `N.D. d`.
_MARK_BEHIND = re.compile(r"[* ]+$|(?<=\.) [a-z#]$")
# Words that head a column as readily as they stand for a missing value.
_WORDS = frozenset(["error", "failed", "fail", "invalid", "pending", "missing", "trace", "err"])
_BELOW = re.compile(
    r"^(?:<\s?(?:ll?oq|lod|mdl|rl|dl|lq|ld|ll?ql|bg|nwg)|>\s?ul?oq|bql|bdl|blq|blod|bloq"
    r"|b\.?d\.?l\.?|b\.?q\.?l\.?"
    r"|n\.?d\.?(?:\s?\(.{1,12}\))?|u"
    r"|<?below (?:the )?(?:detection|quantification|reporting|lod|loq).{0,20}"
    r"|not detected.{0,20}|none detected|undetected|undetermined|tnd"
    r"|target not detected|nicht nachweisbar|n\.n\.|nn"
    r"|non detecte|no detectado|trace|tra|<lod|<loq|tntc|tftc)$"
)
_QUALITATIVE = re.compile(
    r"^(?:detected|positive|negative|pos|neg|reactive|non[- ]?reactive|non-react\.|react\.|present"
    r"|absent|equivocal|indeterminate|borderline|inconclusive|clear|turbid|pass|norm(?:al)?\.?|abnormal"
    r"|positif|negatif|positiv|negativ|positivo|negativo|nachgewiesen|not nachgewiesen|resistant"
    r"|susceptible|intermediate|growth|no growth|mtb .{3,30}|detectable|grayzone|gray zone"
    r"|(?:\+/?-|±)(?!\s?\d)"
    r"|\+{1,4}|\(\+\)|[1-4]\++$|sensitive|wild ?type|mutant|heterozygous|homozygous"
    r"|(?:dk |dark |light |lt |pale )?(?:yellow|straw|amber|brown|orange|red|green|pink|white)"
    r"|colou?rless|(?:slightly |sl\.? |very )?(?:cloudy|hazy)"
    r"|not present|presence|absence|small|moderate|large|few|many|occasional|rare|numerous"
    r"|trace[ -]\w+|lysed|hemolyzed|non[- ]hemolyzed|amplified|no amplification)(?:\b.{0,40})?$"
)
#: Genera that microbiology identifies: their names are results as they stand.
_ORGANISM = re.compile(
    r"^(?:achromobacter|acinetobacter|aerococcus|aeromonas|alcaligenes|aspergillus|bacillus"
    r"|bacteroides|bordetella|brevibacillus|brucella|burkholderia|campylobacter|candida"
    r"|citrobacter|clostridi(?:um|oides)|corynebacterium|cronobacter|cryptococcus|cutibacterium"
    r"|edwardsiella|eikenella|elizabethkingia|enterobacter|enterococcus|erwinia|escherichia"
    r"|francisella|fusarium|fusobacterium|gardnerella|geobacillus|haemophilus|hafnia"
    r"|helicobacter|klebsiella|kluyvera|kocuria|lactobacillus|lactococcus|legionella|leuconostoc"
    r"|listeria|malassezia|micrococcus|moraxella|morganella|mycobacterium|mycoplasma|neisseria"
    r"|nocardia|paenibacillus|pantoea|pasteurella|pediococcus|penicillium|peptostreptococcus"
    r"|plesiomonas|prevotella|propionibacterium|proteus|providencia|pseudomonas|ralstonia"
    r"|raoultella|rhodococcus|rothia|saccharomyces|salmonella|serratia|shewanella|shigella"
    r"|sphingomonas|staphylococcus|stenotrophomonas|streptococcus|streptomyces|trichosporon"
    r"|ureaplasma|vibrio|weissella|yersinia)(?: [a-z][a-z.]+){1,4}$"
    r"|^no (?:reliable )?id(?:entification)?(?: possible)?$"
)
_GRADE = re.compile(r"^[1-4]\++$")
_POINT = re.compile(r"^-?\d+\.(?:\d{1,2}|\d{4,})$|^-?0?\.\d+$|^-?0\.\d+$|^-?\d{4,}\.\d+$")
_COMMA = re.compile(r"^-?\d+,(?:\d{1,2}|\d{4,})$|^-?0?,\d+$|^-?\d{4,},\d+$")
_POINT_FULL = re.compile(r"^-?\d{1,3}(?:,\d{3})+\.\d+$|^-?\d{1,3}(?:,\d{3}){2,}$")
_COMMA_FULL = re.compile(r"^-?\d{1,3}(?:\.\d{3})+,\d+$|^-?\d{1,3}(?:\.\d{3}){2,}$")
#: A program writes all its numbers in one way: so many of them tell which.
_ENOUGH = 10_000
_PLAIN = re.compile(r"^[<>≤≥~]?\s*-?[\d.,]+")


def detect_locale(texts: Iterable[str]) -> Locale:
    """Count the numbers that can only be read with a point, and those only with a comma."""
    point = comma = grouped = 0
    for text in islice(texts, _ENOUGH):
        match = _PLAIN.match(text.strip())
        if not match:
            continue
        number = match[0].lstrip("<>≤≥~ ")
        if _POINT_FULL.match(number):
            point += 5
        elif _COMMA_FULL.match(number):
            comma += 5
            grouped += "," in number
        elif "." in number and _POINT.match(number):
            point += 1
        elif "," in number and _COMMA.match(number):
            comma += 1
    if comma and comma >= 4 * point:
        return Locale.GROUPED if grouped else Locale.COMMA
    if point and point >= 4 * comma:
        return Locale.POINT
    return Locale.MIXED if point or comma else Locale.SILENT


def _normalise(number: str, locale: Locale) -> tuple[str, bool] | None:
    """The number with a point as decimal sign, and whether another reading was possible."""
    text = number.replace("−", "-").replace("'", "").strip().lstrip("+")
    text = re.sub(r"(?<=\d)[\u00a0\u202f ](?=\d{3}(?:\D|$))", "", text)
    if " " in text or "\u00a0" in text or "\u202f" in text:
        return None
    points, commas = text.count("."), text.count(",")
    if not points and not commas:
        return text, False
    if points and commas:
        if _POINT_FULL.match(text):
            return text.replace(",", ""), False
        if _COMMA_FULL.match(text):
            return text.replace(".", "").replace(",", "."), False
        return None
    sign = "." if points else ","
    if text.count(sign) > 1:
        grouped = re.fullmatch(r"-?\d{1,3}(?:[.,]\d{3})+", text)
        return (text.replace(sign, ""), locale is Locale.MIXED) if grouped else None
    return _single_sign(text, sign, locale)


def _single_sign(text: str, sign: str, locale: Locale) -> tuple[str, bool]:
    grouped = re.fullmatch(r"-?[1-9]\d{0,2}[.,]\d{3}", text) is not None
    decimal = text.replace(",", ".")
    decimal = decimal.removesuffix(".")
    if sign == ".":
        # A lone point groups thousands only in a file that writes decimals with a comma.
        if grouped and locale is Locale.GROUPED:
            return text.replace(".", ""), True
        return decimal, grouped and locale is Locale.COMMA
    if not grouped or locale in (Locale.COMMA, Locale.GROUPED):
        return decimal, False
    if locale is Locale.POINT:
        return text.replace(",", ""), False
    return text.replace(",", ""), True


def read_result(text: str, locale: Locale = Locale.POINT) -> Reading:
    """Read one cell; what is no result at all comes back as `Kind.NONE`."""
    stripped = text.strip().strip('"').strip()
    if not stripped:
        return _NOTHING
    match = _NUMBER.match(stripped)
    if match and not _GRADE.match(stripped):
        return _read_number(match, locale)
    if fold(stripped) in _ABSENT:
        return _NOTHING
    # `Trace*`: a mark behind a word as behind a figure.
    stripped = _MARK_BEHIND.sub("", stripped)
    plain = fold(stripped)
    if _BELOW.match(plain):
        return Reading(Kind.CENSORED, stripped)
    if _QUALITATIVE.match(plain) or _ORGANISM.match(plain):
        return Reading(Kind.TEXT, stripped)
    return _NOTHING


def _read_number(match: re.Match[str], locale: Locale) -> Reading:
    number, rest = match["num"].rstrip(), match["rest"].strip()
    if number.endswith(",") and rest:
        return _NOTHING
    normal = _normalise(number.rstrip(","), locale)
    if normal is None:
        return _NOTHING
    result = normal[0] + (match["exp"] or "").replace(" ", "")
    unit, flagged = _read_rest(rest)
    if unit is None:
        return _NOTHING
    operator = _OPERATORS.get(match["op"] or "", "")
    kind = Kind.CENSORED if operator else Kind.NUMBER
    return Reading(kind, operator + result, unit, normal[1], flagged)


_MARKS = re.compile(r"^(?:[*!+\-#↑↓]|\(?[HLUJBEQ]{1,2}\)?|[><]{1,2}RR?|H\*|L\*|\^\^\d)$")


def _read_rest(rest: str) -> tuple[str | None, bool]:
    """Split what follows a number into its unit and marks; None if it is neither."""
    if not rest:
        return "", False
    if rest.endswith("*") and measure(rest.rstrip("* ")) is not None:
        return rest.rstrip("* "), True
    if _MARKS.match(rest):
        return "", True
    parts = rest.rsplit(None, 1)
    if len(parts) == 2 and _MARKS.match(parts[1]):
        return (parts[0], True) if measure(parts[0]) is not None else (None, False)
    if measure(rest) is not None or rest == "%":
        return rest, False
    return None, False


_DATE = re.compile(r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:\D.*)?$|^\d{1,2}:\d{2}(?::\d{2})?")
_FIGURE = re.compile(r"^[<>≤≥~]?\s?[+\-−]?[\d.,]+(?:[eE][+-]?\d+)?\s?%?$")


def is_absent(text: str) -> bool:
    """Whether a cell says only that there is no value."""
    return fold(text) in _ABSENT


def looks_numeric(text: str) -> bool:
    """Whether a cell is a figure, by its looks alone."""
    return text[:1] in "<>≤≥~+-−.,0123456789" and _FIGURE.match(text) is not None


@lru_cache(maxsize=32768)
def looks_like_value(text: str) -> bool:
    """Whether a cell stands where a result would: a figure, a date, or a word for one."""
    if looks_numeric(text) or looks_temporal(text):
        return True
    if text in ("Na", "Nd", "U", "Nb", "NA", "ND"):
        return text in ("NA", "ND")
    plain = fold(text)
    if len(plain) < 2 or not plain.strip("-.*? ") or (plain.isalpha() and plain in _WORDS):
        return False
    placeholder = plain in _ABSENT or _BELOW.match(plain) is not None
    return placeholder or read_result(text).kind in (Kind.NUMBER, Kind.CENSORED)


def looks_temporal(text: str) -> bool:
    """Whether a cell is a date or a time of day."""
    return text[:1].isdigit() and _DATE.match(text) is not None
