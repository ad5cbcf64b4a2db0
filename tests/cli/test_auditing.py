"""`titer audit verify`, `titer audit export`, and the script that verifies an export offline."""

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import Commands
from domain.test_audit_chain import seal, tamper
from laboratory import Laboratory, World

SCRIPT = Path(__file__).parents[2] / "tools" / "verify_audit_export.py"


def offline(*files: Path) -> tuple[int, str]:
    """The script's verdict, in a Python that knows nothing of ours."""
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def loaded() -> Callable[[Path], list[str]]:
    namespace: dict[str, object] = {"__name__": "script"}
    exec(SCRIPT.read_text(), namespace)  # noqa: S102 - our own script, many times over
    verify = namespace["verify"]
    assert callable(verify)

    def faults(path: Path) -> list[str]:
        found: list[str] = verify(path).faults
        return found

    return faults


def test_a_chain_is_verified_unsealed_events_too(titer: Commands, lab: Laboratory) -> None:
    lab.sample("received")
    told = titer.done("audit", "verify", "--org", lab.id)
    assert told["ok"]
    assert told["faults"] == []
    events = lab.get("/audit-events", params={"limit": 500}).json()["data"]
    assert told["events"] == told["headSeq"] == len(events)
    assert "No fault was found." in titer("audit", "verify", "--org", lab.id).out


def test_a_fault_is_named_and_leaves_with_1(titer: Commands, lab: Laboratory, world: World) -> None:
    lab.sample("received")
    seal(lab)
    tamper(
        world,
        f"UPDATE audit_events SET reason = 'because' WHERE organization_id = {lab.id} AND"
        f" id = (SELECT event_id FROM audit_links WHERE organization_id = {lab.id} AND seq = 3)",
    )
    outcome = titer("audit", "verify", "--org", lab.id, "--json")
    assert outcome.code == 1
    assert outcome.json["faults"][0]["what"] == "the column reason is not what was hashed"
    assert "FAULT at 3" in titer("audit", "verify", "--org", lab.id).out


def test_anchors_are_compared(titer: Commands, lab: Laboratory, tmp_path: Path) -> None:
    lab.sample()
    told = titer.done("audit", "verify", "--org", lab.id)
    anchors = tmp_path / "anchors.ndjson"
    anchor = {"organizationId": lab.id, "seq": told["headSeq"], "hash": told["headHash"]}
    anchors.write_text(json.dumps(anchor) + "\n")
    words = ("audit", "verify", "--org", lab.id, "--anchors", anchors)
    assert titer.done(*words)["anchorsChecked"] == 1
    anchors.write_text(json.dumps(anchor | {"hash": "0" * 64}) + "\n")
    assert titer(*words).code == 1
    anchors.write_text("nothing\n")
    assert titer.refused(*words)["error"] == "invalid_anchors"
    assert titer("audit", "verify", "--org", lab.id, "--anchors", tmp_path / "none").code == 2


def test_an_absent_organization_has_no_trail(titer: Commands, tmp_path: Path) -> None:
    assert titer.refused("audit", "verify", "--org", 7_777_777)["error"] == "not_found"
    file = tmp_path / "none.ndjson"
    assert titer.refused("audit", "export", file, "--org", 7_777_777)["error"] == "not_found"
    assert not file.exists()


def test_an_export_is_verified_without_us(titer: Commands, lab: Laboratory, tmp_path: Path) -> None:
    lab.sample("received", notes="Grüße, 検体 \u2028 🧪")
    file = tmp_path / "trail.ndjson"
    told = titer.done("audit", "export", file, "--org", lab.id)
    lines = file.read_bytes().splitlines()
    assert len(lines) == told["events"] + 2
    code, said = offline(file)
    assert (code, "OK" in said) == (0, True), said
    assert told["headHash"] in said
    anchors = tmp_path / "anchors.ndjson"
    anchor = {"organizationId": lab.id, "seq": told["headSeq"], "hash": told["headHash"]}
    anchors.write_text(json.dumps(anchor) + "\n")
    assert offline(file, anchors)[0] == 0
    anchors.write_text(json.dumps(anchor | {"hash": "0" * 64}) + "\n")
    assert offline(file, anchors)[0] == 1
    anchors.write_text(json.dumps(anchor | {"seq": told["headSeq"] + 1}) + "\n")
    assert offline(file, anchors)[0] == 1
    assert offline(tmp_path / "none")[0] == 2
    assert offline()[0] == 2
    assert titer.refused("audit", "export", file, "--org", lab.id)["error"] == "file_exists"


def test_a_tampered_chain_is_exported_as_evidence(
    titer: Commands, lab: Laboratory, world: World, tmp_path: Path
) -> None:
    lab.sample()
    seal(lab)
    tamper(
        world,
        "UPDATE audit_events SET canonical = replace(canonical, 'a', 'b')"
        f" WHERE organization_id = {lab.id} AND id = (SELECT event_id FROM audit_links"
        f" WHERE organization_id = {lab.id} AND seq = 3)",
    )
    file = tmp_path / "trail.ndjson"
    assert titer("audit", "export", file, "--org", lab.id).code == 1
    code, said = offline(file)
    assert (code, "not what was hashed" in said) == (1, True)


def test_every_edit_of_an_export_is_found(titer: Commands, lab: Laboratory, tmp_path: Path) -> None:
    lab.sample("received")
    file = tmp_path / "trail.ndjson"
    titer.done("audit", "export", file, "--org", lab.id)
    whole = file.read_bytes()
    faults = loaded()
    assert faults(file) == []
    chance = random.Random(20)
    edited = tmp_path / "edited.ndjson"
    for _ in range(1_000):
        edit = chance.choice(EDITS)
        changed = edit(chance, whole)
        if changed != whole:
            edited.write_bytes(changed)
            assert faults(edited), (edit.__name__, len(changed))


def flip(chance: random.Random, whole: bytes) -> bytes:
    at = chance.randrange(len(whole))
    return whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1 :]


def insert(chance: random.Random, whole: bytes) -> bytes:
    at = chance.randrange(len(whole) + 1)
    return whole[:at] + chance.choice([b" ", b"\n", b"0", b"a", b"{}\n"]) + whole[at:]


def cut(chance: random.Random, whole: bytes) -> bytes:
    at = chance.randrange(len(whole))
    return whole[:at] + whole[at + chance.randrange(1, 50) :]


def truncate(chance: random.Random, whole: bytes) -> bytes:
    return whole[: chance.randrange(len(whole))]


def drop_line(chance: random.Random, whole: bytes) -> bytes:
    lines = whole.splitlines(keepends=True)
    del lines[chance.randrange(len(lines))]
    return b"".join(lines)


def swap_lines(chance: random.Random, whole: bytes) -> bytes:
    lines = whole.splitlines(keepends=True)
    a, b = chance.sample(range(len(lines)), 2)
    lines[a], lines[b] = lines[b], lines[a]
    return b"".join(lines)


def repeat_line(chance: random.Random, whole: bytes) -> bytes:
    lines = whole.splitlines(keepends=True)
    at = chance.randrange(len(lines))
    return b"".join([*lines[:at], lines[at], *lines[at:]])


EDITS = (flip, insert, cut, truncate, drop_line, swap_lines, repeat_line)


@pytest.mark.parametrize("words", [("audit", "verify"), ("audit", "export", "x", "--org", "0")])
def test_a_command_asked_badly_says_so(titer: Commands, words: tuple[str, ...]) -> None:
    assert titer(*words).code == 2
