#!/usr/bin/env python3
"""Verify an exported audit trail offline: python3 verify_audit_export.py EXPORT [ANCHORS]

Needs Python 3.9 or newer, and nothing else: no server, no database, none of the code that wrote the
trail. It leaves with 0 when everything fits, with 1 at a fault, and with 2 when it was not asked
well.

The format, so that you can write your own: one JSON object a line (sorted keys, no blanks, UTF-8).
The first names the organization. Each further one is an event: `canonical` is the exact text that
was hashed. `hash` is SHA-256 of the previous link's hash, `seq` as eight bytes (big-endian) and the
SHA-256 of `canonical`. Before the first link stands SHA-256 of the organization's UUID (16 bytes).
The last line counts the events, repeats the head, and holds the SHA-256 of every line before it.

A whole chain can be written anew by whoever holds the database: only heads that were kept elsewhere
show that. ANCHORS holds them, one JSON object a line: organizationId, seq, hash.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any, Dict, Sequence, Union
from uuid import UUID

Line = Dict[str, Any]
USAGE = 2


class Trail:
    """What has been read so far, and every fault in it."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.seq = 0
        self.head = b""
        self.organization_id: object = None
        self.anchors: dict[int, str] = {}
        self.checked = 0

    def fault(self, line: int, what: str) -> None:
        self.faults.append(f"line {line}: {what}")

    def begin(self, header: Line, anchors: Sequence[Line]) -> None:
        if header.get("kind") != "titer-audit-export" or header.get("format") != 1:
            raise ValueError("this is no export of format 1")
        self.organization_id = header["organizationId"]
        self.head = sha256(UUID(header["organization"]).bytes).digest()
        self.anchors = {
            each["seq"]: each["hash"]
            for each in anchors
            if each["organizationId"] == self.organization_id
        }
        self.checked = len(self.anchors)

    def read(self, number: int, event: Line) -> None:
        seq, told = event["seq"], event["canonical"]
        if seq != self.seq + 1:
            self.fault(number, f"event {self.seq + 1} is missing")
        if event["previous"] != self.head.hex():
            self.fault(number, "the event does not follow the one before it")
        content = sha256(told.encode()).digest()
        previous = bytes.fromhex(event["previous"])
        link = sha256(previous + seq.to_bytes(8, "big") + content).digest()
        if event["hash"] != link.hex():
            self.fault(number, "the event is not what was hashed")
        if json.loads(told)["organization_id"] != self.organization_id:
            self.fault(number, "the event is of another organization")
        if self.anchors.pop(seq, event["hash"]) != event["hash"]:
            self.fault(number, "the event is not the one that was anchored")
        self.seq, self.head = seq, bytes.fromhex(event["hash"])

    def end(self, number: int, marker: Line, digest: str) -> None:
        if marker.get("count") != self.seq or marker.get("head") != self.head.hex():
            self.fault(number, "the end does not fit: events are missing, or too many")
        if marker.get("sha256") != digest:
            self.fault(number, "the file is not as it was written")
        for seq in sorted(self.anchors):
            self.fault(number, f"event {seq} was anchored and is missing")


def parsed(line: bytes) -> Line:
    """The object of a line, which must be spelled the one way it can have been written."""
    found = json.loads(line)
    spelled = json.dumps(found, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    if not isinstance(found, dict) or spelled.encode() + b"\n" != line:
        raise ValueError("the line is not spelled as it was written")
    return found


def verify(export: Union[str, Path], anchors: Sequence[Line] = ()) -> Trail:
    """Read an export from its first line to its last; what was read, with every fault."""
    trail = Trail()
    digest = sha256()
    ended = False
    number = 0
    with Path(export).open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                found = parsed(line)
                if ended:
                    trail.fault(number, "something stands after the end")
                elif number == 1:
                    trail.begin(found, anchors)
                elif found.get("kind") == "end":
                    trail.end(number, found, digest.hexdigest())
                    ended = True
                else:
                    trail.read(number, found)
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
                trail.fault(number, str(error) or type(error).__name__)
            digest.update(line)
    if not ended:
        trail.fault(number, "the end is missing")
    return trail


def main(arguments: Sequence[str]) -> int:
    """Say what was found; the code to leave with."""
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return USAGE
    try:
        anchors = []
        if len(arguments) == 2:
            lines = Path(arguments[1]).read_text("utf-8").splitlines()
            anchors = [json.loads(line) for line in lines if line.strip()]
        trail = verify(arguments[0], anchors)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"cannot read: {error}", file=sys.stderr)
        return USAGE
    for fault in trail.faults:
        print(f"FAULT {fault}")
    print(f"{trail.seq} events, head {trail.head.hex()}, {trail.checked} anchors checked")
    print("FAULTY" if trail.faults else "OK")
    return 1 if trail.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
