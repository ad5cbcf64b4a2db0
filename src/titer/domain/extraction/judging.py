"""From candidates to proposals: which target, which unit, which of several values."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from titer.domain.extraction.candidates import Candidate
from titer.domain.extraction.confidence import UNIT_FACTORS, confidence
from titer.domain.extraction.identifiers import Fit
from titer.domain.extraction.matches import TestMatch
from titer.domain.extraction.numbers import Kind
from titer.domain.extraction.units import Agreement, compare, tells_less
from titer.domain.extraction.values import Original, Proposal, Unmatched, World

_OPERATORS = "<>=~"
_MOST_VALUES = 60
#: How far a reading may lie from the mean of its like.
_NEAR = Decimal("0.1")
#: Two values and their mean.
_FEWEST_WITH_MEAN = 3
#: Instruments round half of the last digit either way, and some of them cut.
_HALF_UP = Decimal("0.51")
_GUESSES = {"guessed_column", "share_of_area"}
_LEAST_RANK = 0.7
_AS_IT_IS = (Fit.EXACT, Fit.SPELLED)


@dataclass(slots=True)
class Judged:
    """A candidate that fits one open target."""

    candidate: Candidate
    target_id: int
    test: TestMatch
    result: str
    unit: str
    raw: float
    flags: set[str]
    original: Original | None = None
    agreement: Agreement = Agreement.ABSENT


class Schedule:
    """Which targets are open, by sample and assay."""

    def __init__(self, world: World) -> None:
        self._targets = {(t.sample_id, t.assay_id): t.id for t in world.targets}

    def find(self, sample_id: int, assay_id: int) -> int | None:
        return self._targets.get((sample_id, assay_id))


def choose_test(candidate: Candidate, schedule: Schedule) -> tuple[TestMatch, int, bool] | None:
    """The best named assay that is open on the sample, and whether another is as good."""
    top = candidate.tests[0].score
    sample = candidate.sample.match.sample.id
    fitting: list[tuple[TestMatch, int]] = []
    for test in candidate.tests:
        target = schedule.find(sample, test.assay.id)
        if target is not None and test.score >= 0.9 * top:
            fitting.append((test, target))
    if not fitting:
        return None
    unit = candidate.unit or candidate.reading.unit
    own = [one for one in fitting if compare(unit, one[0].assay.unit)[0] is Agreement.SAME]
    if len(own) == 1 and len(fitting) > 1:
        return *own[0], False
    rival = len(fitting) > 1 and fitting[1][0].score >= 0.97 * fitting[0][0].score
    return fitting[0][0], fitting[0][1], rival


def _convert(result: str, factor: Decimal) -> str | None:
    """The result times an exact factor, with its operator; None where it is not exact."""
    number = result.lstrip(_OPERATORS)
    operator = result[: len(result) - len(number)]
    try:
        product = Decimal(number) * factor
    except InvalidOperation:
        return None
    if factor == 0 or len(product.as_tuple().digits) > 26:
        return None
    return operator + format(product, "f")


def judge(candidate: Candidate, schedule: Schedule) -> Judged | None:
    """Weigh one candidate; None where its assay is not open on its sample."""
    chosen = choose_test(candidate, schedule)
    if chosen is None:
        return None
    test, target, rival = chosen
    reading = candidate.reading
    unit = candidate.unit or reading.unit
    agreement, factor = compare(unit, test.assay.unit)
    judged = Judged(candidate, target, test, reading.result, unit, 0.0, set(candidate.flags),
                    agreement=agreement)  # fmt: skip
    judged.flags |= _doubts(candidate, test, rival)
    if tells_less(unit, test.assay.unit):
        judged.flags.add("basis_not_told")
    if reading.kind is Kind.TEXT:
        judged.flags.add("text_result")
    elif agreement is Agreement.CONTRADICTS:
        judged.flags.add("unit_contradicts")
    elif reading.result[:1].isalpha():
        pass  # "ND" and its like say the same in every unit
    elif agreement is Agreement.CONVERTIBLE:
        converted = _convert(reading.result, factor)
        if converted is None:
            judged.flags.add("unit_contradicts")
        else:
            judged.original = Original(reading.result, unit)
            judged.result, judged.unit = converted, test.assay.unit
            judged.flags.add("converted")
    quality = candidate.sample.fit * test.score * candidate.role
    if candidate.rank < _LEAST_RANK:
        quality *= 0.75
        judged.flags.add("on_the_way")
    judged.raw = min(1.0, quality * UNIT_FACTORS[agreement.value])
    return judged


def _doubts(candidate: Candidate, test: TestMatch, rival: bool) -> set[str]:
    flags: set[str] = set()
    sample = candidate.sample
    if candidate.reading.ambiguous:
        flags.add("ambiguous_number")
    if not sample.supported:
        flags.add("weak_sample_id")
    if sample.match.fit is Fit.NUMBERED:
        flags.add("loose_sample_id")
    if sample.match.diluted:
        flags.add("diluted")
    if sample.via == "file":
        flags.add("sample_from_file_name")
    if rival:
        flags.add("test_ambiguous")
    if test.kind == "figure":
        flags.add("named_by_figure")
    if test.kind in ("basis", "condition"):
        flags.add(f"{test.kind}_not_told")
    if test.kind == "context":
        flags.add("analyte_not_named")
    if test.score < 0.75 and test.kind != "unit":
        flags.add("loose_test_name")
    return flags


def same_value(left: str, right: str) -> bool:
    """Equal as numbers, or one the other rounded."""
    if left == right:
        return True
    try:
        one, other = Decimal(left), Decimal(right)
    except InvalidOperation:
        return False
    places = max(_exponent(one), _exponent(other))
    step = Decimal(1).scaleb(places)
    try:
        return one.quantize(step) == other.quantize(step) and (places < 0 or one == other)
    except InvalidOperation:
        return one == other


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def settle(group: list[Judged]) -> list[Judged]:
    """Of all that was read for one target: means before replicates, the surer before the less."""
    if len(group) == 1:
        return group
    group = _in_figures(_as_named(_without_means_of_others(_without_guesses(group))))
    means = {j.candidate.table for j in group if j.candidate.row_kind == "mean"}
    kept = [j for j in group if j.candidate.row_kind == "mean" or j.candidate.table not in means]
    repeated = [j for j in kept if j.candidate.row_kind != "mean"]
    if means and (len(_distinct(repeated)) > 1 or _is_near_means(repeated, kept)):
        kept = [j for j in kept if j.candidate.row_kind == "mean"]
    if any(j.candidate.rank >= _LEAST_RANK for j in kept):
        kept = [j for j in kept if j.candidate.rank >= _LEAST_RANK]
    top = max(j.raw for j in kept)
    kept = [j for j in kept if j.raw >= 0.87 * top]
    rank = max(j.candidate.rank for j in kept)
    lesser = [j for j in kept if j.candidate.rank != rank]
    best = [j for j in kept if j.candidate.rank == rank]
    best.sort(key=lambda j: (-j.raw, j.candidate.table, j.candidate.place))
    distinct = _mean_of_all(_surely_named(_distinct(best)))
    if len(distinct) > 1:
        for judged in distinct:
            judged.flags.add("several_values")
    elif not all(_same(judged, distinct[0]) for judged in lesser):
        distinct[0].flags.add("sheets_disagree")
    return distinct


def _is_near_means(repeated: list[Judged], group: list[Judged]) -> bool:
    """Whether what is no mean is a reading of what the means of another table are of."""
    means = [j for j in group if j.candidate.row_kind == "mean"]
    pairs = [(one, mean) for one in repeated for mean in means]
    return bool(pairs) and all(
        one.unit == mean.unit
        and (a := one.candidate.reading.number) is not None
        and (b := mean.candidate.reading.number) is not None
        and abs(a - b) <= _NEAR * abs(b)
        for one, mean in pairs
    )


def _surely_named(group: list[Judged]) -> list[Judged]:
    """Of several values those in the test's unit, if the others are named loosely and have none."""
    own = [j for j in group if j.agreement is Agreement.SAME]
    loose = [
        j for j in group if j.agreement is Agreement.ABSENT and j.test.kind in ("part", "alike")
    ]
    return own if own and len(own) + len(loose) == len(group) else group


def _without_guesses(group: list[Judged]) -> list[Judged]:
    """Without what was guessed, where another table says it: the column, a share for a content."""
    told = [j for j in group if not j.flags & _GUESSES]
    return told or group


def _mean_of_all(group: list[Judged]) -> list[Judged]:
    """Of several values in one unit the one that is the mean of them, to its last decimal."""
    numbers = [j.candidate.reading.number for j in group]
    known = [number for number in numbers if number is not None]
    if len(known) < _FEWEST_WITH_MEAN or len(known) < len(numbers):
        return group
    if len({judged.unit for judged in group}) > 1:
        return group
    means = [
        judged
        for judged, number in zip(group, known, strict=True)
        if _is_mean_of(number, [other for other in known if other != number])
    ]
    if len(means) != 1:
        return group
    # Three repeats may lie evenly by chance: shown as the mean, and written by nobody but a person.
    means[0].flags.add("mean_by_arithmetic")
    return means


def _is_mean_of(number: Decimal, others: list[Decimal]) -> bool:
    step = Decimal(1).scaleb(_exponent(number))
    return bool(others) and abs(sum(others, Decimal(0)) / len(others) - number) <= step * _HALF_UP


def _in_figures(group: list[Judged]) -> list[Judged]:
    """Without the words that interpret a figure, or the figures that a word interprets."""
    figures = [j for j in group if j.candidate.reading.kind is not Kind.TEXT]
    if group[0].test.assay.unit:
        return figures or group
    said = [j for j in group if j.candidate.reading.kind is Kind.TEXT]
    # A test without a unit is answered by the word where all figures are in units of a signal.
    return said if said and all(j.unit for j in figures) else group


def _as_named(group: list[Judged]) -> list[Judged]:
    """Of the lines of one sample those that name it as it is, where other ones carry a mark.

    The mark of a repeat or a duplicate, that is: of a diluted run nobody but the analyst knows
    whether it is the better one.
    """
    plain = [j for j in group if j.candidate.sample.match.fit in _AS_IT_IS]
    tables = {j.candidate.table for j in plain}
    # `Average of 'W-1'` is a mark as well, unless everything there is a mean.
    means_marked = any(j.candidate.row_kind != "mean" for j in plain)
    return [
        j
        for j in group
        if j.candidate.sample.match.fit in _AS_IT_IS
        or j.candidate.sample.match.diluted
        or (means_marked and j.candidate.row_kind == "mean")
        or j.candidate.table not in tables
    ]


def _without_means_of_others(group: list[Judged]) -> list[Judged]:
    """The group without means that do not lie among what they would be the means of."""
    kept = []
    for judged in group:
        mean = judged.candidate.reading.number
        carried = judged.candidate.sample.via == "carried"
        if judged.candidate.row_kind == "mean" and carried and mean is not None:
            table = judged.candidate.table
            readings = [
                one.candidate.reading.number
                for one in group
                if one.candidate.table == table and one.candidate.row_kind != "mean"
            ]
            numbers = [number for number in readings if number is not None]
            if numbers and not min(numbers) <= mean <= max(numbers):
                continue
        kept.append(judged)
    return kept or group


def _distinct(group: list[Judged]) -> list[Judged]:
    """One of each value, and no more than can be looked through."""
    spelled: set[tuple[str, str]] = set()
    distinct: list[Judged] = []
    for judged in group:
        spelling = (judged.unit, judged.result)
        if spelling in spelled:
            continue
        spelled.add(spelling)
        if not any(_same(judged, held) for held in distinct):
            distinct.append(judged)
        if len(distinct) == _MOST_VALUES:
            break
    return distinct


def _same(left: Judged, right: Judged) -> bool:
    return left.unit == right.unit and same_value(left.result, right.result)


def decide(candidates: Iterable[Candidate], world: World) -> tuple[list[Proposal], list[Unmatched]]:
    """Proposals for the open targets, and what was read without one."""
    schedule = Schedule(world)
    by_target: dict[tuple[int, int], list[Judged]] = defaultdict(list)
    unmatched: list[Unmatched] = []
    for candidate in candidates:
        judged = judge(candidate, schedule)
        if judged is None:
            unmatched.append(_unscheduled(candidate))
        else:
            by_target[judged.target_id, judged.test.assay.id].append(judged)
    settled = [judged for group in by_target.values() for judged in settle(group)]
    proposals = [propose(judged) for judged in settled if reread(judged) and not _idle(judged)]
    proposals.sort(key=lambda p: (p.source.sheet, p.source.line, p.source.column, p.target_id))
    return proposals, unmatched


def _idle(judged: Judged) -> bool:
    """Whether a row is one of several for its test, and in a unit that is none of the test's."""
    return {"several_values", "unit_contradicts"} <= judged.flags


def _unscheduled(candidate: Candidate) -> Unmatched:
    sample = candidate.sample.match.sample
    return Unmatched(
        "test_not_open", sample.id, sample.tracking_id, candidate.tests[0].assay.code,
        candidate.reading.result, candidate.unit, candidate.sheet.grid.source(*candidate.place),
        candidate.tests[0].assay.id,
    )  # fmt: skip


def reread(judged: Judged) -> bool:
    """The value once more from its cited cell: it must be the one that is proposed."""
    candidate = judged.candidate
    sheet = candidate.sheet
    again = sheet.reading(*candidate.place)
    original = judged.original.result if judged.original is not None else judged.result
    return again.kind is not Kind.NONE and again.result == original


def propose(judged: Judged) -> Proposal:
    """The judged candidate in words and probability."""
    candidate, test = judged.candidate, judged.test
    grid = candidate.sheet.grid
    sample = candidate.sample
    flags = frozenset(judged.flags)
    return Proposal(
        target_id=judged.target_id,
        sample_id=sample.match.sample.id,
        tracking_id=sample.match.sample.tracking_id,
        assay_id=test.assay.id,
        code=test.assay.code,
        analyte_id=test.assay.analyte_id,
        result=judged.result,
        unit=judged.unit,
        confidence=confidence(judged.raw, flags),
        raw_score=round(judged.raw, 4),
        conflict="several_values" in flags,
        layout=candidate.layout,
        source=grid.source(*candidate.place),
        sample_source=candidate.sheet.cited(sample.place),
        test_source=candidate.sheet.cited(candidate.test_place),
        converted_from=judged.original,
        flags=flags,
        reasons=reasons(sample.match.fit, test.kind, judged.agreement, flags),
    )


_SAMPLE_REASONS = {
    Fit.EXACT: "The sample's identifier stands in the file as it is.",
    Fit.SPELLED: "The sample's identifier stands in the file in another spelling.",
    Fit.SUFFIXED: "The sample's identifier stands in the file with a run or dilution mark.",
    Fit.WORDED: "The sample's identifier stands in the file among other words.",
    Fit.PATH: "The sample's identifier stands in a file path.",
    Fit.NUMBERED: "The sample's identifier is part of a longer number or name.",
}
_TEST_REASONS = {
    "code": "The test's code names it.",
    "name": "The test's name names it.",
    "alias": "An alias of the test names it.",
    "learned": "A name confirmed before names the test.",
    "hint": "The hint names the test.",
    "synonym": "A common name of the analyte names the test.",
    "part": "The test's name is part of the text.",
    "unit": "The analyte is not named; only this test has the unit.",
    "alike": "The test's name says the same in other words.",
    "figure": "The figure that tells the test from others of its kind names it.",
    "basis": "A name of the analyte names the test.",
    "condition": "The test's name without its conditions names it.",
    "context": "Only the head or the name of the file names the test.",
}
_FLAG_REASONS = {
    "ambiguous_number": "The number can be read in two ways.",
    "unit_contradicts": "The unit in the file contradicts the test's unit.",
    "qualified": "A mark beside the number says that it is only a limit.",
    "converted": "The result was converted to the test's unit.",
    "weak_sample_id": "The identifier is too short to be sure of.",
    "several_samples_in_row": "The row names more than one sample.",
    "guessed_column": "No header says which column holds the results.",
    "no_header": "The table has no header.",
    "mean_by_arithmetic": "The value is the mean of the others; nothing calls it so.",
    "named_by_figure": "Only a bare figure names the test.",
    "several_values": "The file holds several values for this test.",
    "sheets_disagree": "Another sheet of the file holds another value.",
    "several_value_columns": "Several columns could hold the result.",
    "diluted": "The sample was run diluted.",
    "share_of_area": "The value is a share of the area of a chromatogram.",
    "basis_not_told": "The file does not say what the result is expressed as.",
    "condition_not_told": "The file does not say under which conditions it was measured.",
    "several_columns": "Several columns name the test.",
    "on_the_way": "The table's title tells of something on the way to the results.",
    "test_ambiguous": "Another test is named as well.",
    "analyte_not_named": "The analyte is not named in the file.",
    "analyte_assumed": "The analyte is not named; it is the only test that is open.",
    "sample_from_file_name": "The sample is named by the file's name only.",
    "shifted_header": "The header's labels do not stand over their columns.",
    "text_result": "The result is a word, not a number.",
}


@lru_cache(maxsize=1024)
def reasons(fit: Fit, kind: str, agreement: Agreement, flags: frozenset[str]) -> tuple[str, ...]:
    """What speaks for a row and what against it."""
    found = [_SAMPLE_REASONS.get(fit, ""), _TEST_REASONS.get(kind, "")]
    if agreement is Agreement.SAME:
        found.append("The unit is the test's own.")
    elif agreement is Agreement.NOTE:
        found.append("The unit is taken as equal to the test's unit.")
    found += [_FLAG_REASONS[flag] for flag in sorted(flags) if flag in _FLAG_REASONS]
    return tuple(reason for reason in found if reason)


def with_confidence(proposal: Proposal, value: float, *flags: str) -> Proposal:
    """The same proposal, believed more or less."""
    return replace(proposal, confidence=round(value, 4), flags=proposal.flags | set(flags))
