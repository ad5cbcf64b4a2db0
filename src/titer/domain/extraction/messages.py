"""Messages of analysers, HL7 v2 and ASTM E1394, made into one table of results."""

import re
from dataclasses import dataclass, field

from titer.domain.extraction.grid import Grid, make_grid

_HEADER = (
    "Sample ID",
    "Order ID",
    "Specimen ID",
    "Patient ID",
    "Test",
    "Test name",
    "Result",
    "Unit",
)
_HL7_FIELDS = (4, 3, 3, 4, 4, 4, 6, 7)
_ASTM_FIELDS = (3, 4, 4, 4, 3, 3, 4, 5)


def _first(text: str) -> str:
    """The first component that says something."""
    for part in re.split(r"[\^~\\&]", text):
        if part.strip():
            return part.strip()
    return ""


def _name_of(text: str) -> str:
    """The component that most looks like a sample's name, among rack positions and kinds."""
    parts = [part.strip() for part in re.split(r"[\^~\\]", text) if part.strip()]
    telling = [part for part in parts if re.search(r"\d", part)]
    return max(telling or parts, key=len, default="")


@dataclass(slots=True)
class _Order:
    ids: list[str] = field(default_factory=lambda: ["", "", "", ""])
    results: list[tuple[int, tuple[str, str, str, str]]] = field(default_factory=list)


def _table(orders: list[_Order], fields: tuple[int, ...]) -> Grid:
    rows: list[tuple[str, ...]] = [_HEADER]
    lines = [1]
    for order in orders:
        for line, result in order.results:
            rows.append((*order.ids, *result))
            lines.append(line)
    return make_grid("", rows, lines, fields)


def read_hl7(text: str) -> Grid:
    """One row per OBX, under the identifiers of its OBR, SPM and PID."""
    orders: list[_Order] = []
    patient = specimen = before = ""
    # In one kind of message a specimen stands before its orders, in another behind each of them:
    # what stands before the first order tells. The next message knows neither.
    leads: bool | None = None
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        parts = line.strip("\x0b\x1c\ufeff ").split("|")
        parts += [""] * (8 - len(parts))
        segment = parts[0].strip()
        if segment == "MSH":
            patient, specimen, leads = "", "", None
        elif segment == "PID":
            patient = _first(parts[3])
        elif segment == "SPM":
            specimen = _first(parts[2])
            if leads is False:
                orders[-1].ids[2] = specimen
        elif segment == "OBR":
            leads = before == "SPM" if leads is None else leads
            orders.append(_Order([_first(parts[3]), _first(parts[2]), "", patient]))
            orders[-1].ids[2] = specimen if leads else ""
        elif segment == "OBX":
            if not orders or (leads is None and specimen):
                orders.append(_Order(["", "", specimen, patient]))
                specimen = ""
            orders[-1].results.append((number, _hl7_result(parts)))
        before = segment
    return _table(orders, _HL7_FIELDS)


def _hl7_result(parts: list[str]) -> tuple[str, str, str, str]:
    names = [x.strip() for x in parts[3].split("^")]
    if parts[2] == "SN":
        value = "".join(x.strip() for x in parts[5].split("^")[:2])
    elif parts[2] in ("ED", "RP"):
        value = ""
    elif parts[2] in ("CE", "CWE") and "^" in parts[5]:
        value = parts[5].split("^")[1].strip() or _first(parts[5])
    else:
        value = _first(parts[5])
    other = names[1] if len(names) > 1 else ""
    if not other and re.fullmatch(r"\d{1,5}", names[0]) and re.search(r"[A-Za-z]", parts[4]):
        # Some analysers number the test there, and name it where its part would be numbered.
        return _first(parts[4]), names[0], value, _first(parts[6])
    return names[0], other, value, _first(parts[6])


_FRAME = re.compile(r"[\x17\x03][0-9A-Fa-f]{2}[\r\n]*(?:\x02\d)?")
_START = re.compile(r"^[\x00-\x1f]*\d?(?=[HPORCQLM]\|)")


def read_astm(text: str) -> Grid:
    """One row per R record, under the identifiers of its O record."""
    joined = _FRAME.sub(lambda m: "" if m[0][0] == "\x17" else "\n", text)
    orders: list[_Order] = []
    patient = ""
    for number, raw in enumerate(re.split(r"\r\n|\r|\n", joined), 1):
        line = _START.sub("", raw.strip("\ufeff\x05\x04\x06 "))
        parts = line.split("|")
        parts += [""] * (6 - len(parts))
        if parts[0] == "P":
            patient = _first(parts[3]) or _first(parts[2])
        elif parts[0] == "O":
            orders.append(_Order([_name_of(parts[2]), _name_of(parts[3]), "", patient]))
        elif parts[0] == "R":
            if not orders:
                orders.append(_Order(["", "", "", patient]))
            names = [x.strip() for x in re.split(r"[\^\\]", parts[2]) if x.strip()]
            test, other = ([*names, "", ""])[:2]
            if re.fullmatch(r"[\d.]{1,4}", test) and other:
                test, other = other, test
            orders[-1].results.append((number, (test, other, _first(parts[3]), _first(parts[4]))))
    return _table(orders, _ASTM_FIELDS)
