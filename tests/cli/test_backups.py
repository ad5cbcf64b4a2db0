"""`titer backup` and `titer restore`: copied while it is written to, and verified elsewhere."""

import asyncio
import json
import sqlite3
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import make_url

from commands import Commands
from domain.test_audit_chain import seal, tamper
from laboratory import World, open_world
from titer.kit.db import postgres


@pytest.fixture
def own_world(
    request: pytest.FixtureRequest, backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """An installation of this test's own, which commands are pointed at."""
    monkeypatch.chdir(tmp_path)
    if backend == "sqlite":
        with open_world(sqlite=tmp_path / "from" / "titer.db") as world:
            point_at(world.settings.database_url.get_secret_value(), "", "", monkeypatch)
            yield world
        return
    superuser = request.getfixturevalue("postgres_url")
    with open_world(superuser=superuser, name=f"titer_{uuid4().hex[:12]}") as world:
        url = world.settings.database_url.get_secret_value()
        point_at(url, world.owner_url, world.bypass_url, monkeypatch)
        yield world


def point_at(url: str, owner: str, bypass: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TITER_DATABASE_URL", url)
    if owner:
        monkeypatch.setenv("TITER_OWNER_DATABASE_URL", owner)
        monkeypatch.setenv("TITER_BACKUP_DATABASE_URL", bypass)


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, backend: str, tmp_path: Path) -> Iterator[str]:
    """The address of another, empty installation; commands go there once `move` is called."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path}/to/titer.db"
        return
    superuser = request.getfixturevalue("postgres_url")
    name = f"titer_{uuid4().hex[:12]}"
    _, url = asyncio.run(postgres.prepare(superuser, name, "owner", "app"))
    yield url


def move(url: str, superuser: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point commands at another installation."""
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(exist_ok=True)
        point_at(url, "", "", monkeypatch)
        return
    name = make_url(url).database
    at = make_url(superuser).set(database=name).render_as_string(hide_password=False)
    owner = make_url(url).set(username=postgres.OWNER_ROLE, password="owner")
    point_at(url, owner.render_as_string(hide_password=False), at, monkeypatch)


def test_a_backup_made_under_writes_is_restored_elsewhere(
    own_world: World,
    elsewhere: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    lab, other = own_world.found("Backed up"), own_world.found("Other")
    for each in (lab, other):
        each.sample("received")
        seal(each)
    written: list[int] = []
    going_on, stop = threading.Event(), threading.Event()

    def write() -> None:
        while not stop.is_set():
            written.append(lab.sample()["id"])
            going_on.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert going_on.wait(20)
        before = list(written)
        titer = Commands(capsys)
        file = tmp_path / "titer.backup"
        told = titer.done("backup", file)
    finally:
        stop.set()
        writer.join()
    assert told["organizations"] == 2
    assert file.stat().st_mode & 0o077 == 0
    move(elsewhere, own_world.bypass_url, monkeypatch)
    restored = titer.done("restore", file)
    assert restored["organizations"] == 2
    assert restored["keys"] == 2
    assert restored["events"] > 20
    assert restored["rows"] == told["rows"]
    kept = samples_in(elsewhere, own_world.bypass_url)
    assert set(before) <= kept
    assert titer.done("audit", "verify", "--org", lab.id)["ok"]
    assert titer.done("audit", "verify", "--org", other.id)["ok"]
    refused = titer.refused("restore", file)
    assert refused["error"] == "not_empty"
    again = titer.done("restore", file, "--force")
    assert again["rows"] == restored["rows"]
    assert samples_in(elsewhere, own_world.bypass_url) == kept


def samples_in(url: str, superuser: str) -> set[int]:
    """The ids of every sample, past every policy."""
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            found = {row[0] for row in connection.execute("SELECT id FROM samples")}
        connection.close()
        return found

    async def read() -> set[int]:
        from sqlalchemy import text  # noqa: PLC0415 - only here

        from titer.kit.db.engine import Database  # noqa: PLC0415 - only here

        at = make_url(superuser).set(database=make_url(url).database)
        database = Database(at.render_as_string(hide_password=False))
        async with database.connected() as connection:
            ids = set((await connection.scalars(text("SELECT id FROM samples"))).all())
        await database.close()
        return ids

    return asyncio.run(read())


def test_a_backup_is_never_written_over(
    own_world: World, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    own_world.found("Backed up")
    file = tmp_path / "titer.backup"
    file.write_text("precious")
    assert Commands(capsys).refused("backup", file)["error"] == "file_exists"
    assert file.read_text() == "precious"


def test_what_is_no_backup_or_damaged_is_left_alone(
    own_world: World,
    elsewhere: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    own_world.found("Backed up").sample()
    titer = Commands(capsys)
    file = tmp_path / "titer.backup"
    titer.done("backup", file)
    move(elsewhere, own_world.bypass_url, monkeypatch)
    whole = file.read_bytes()
    broken = tmp_path / "broken.backup"
    at = len(whole) // 2
    for text in (b"", b"nothing", whole[:at], whole[:at] + b"\xff\x00\xff" + whole[at + 3 :]):
        broken.write_bytes(text)
        assert titer.refused("restore", broken)["error"] == "invalid_backup"
    assert titer.done("restore", file)["rows"] > 0


def test_a_backup_that_lacks_rows_is_found_out(
    own_world: World,
    elsewhere: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    own_world.found("Backed up").sample()
    titer = Commands(capsys)
    file = tmp_path / "titer.backup"
    titer.done("backup", file)
    move(elsewhere, own_world.bypass_url, monkeypatch)
    titer.done("restore", file)
    kept = samples_in(elsewhere, own_world.bypass_url)
    with tarfile.open(file) as packed:
        packed.extractall(tmp_path / "open")  # noqa: S202 - the test's own archive
    manifest = tmp_path / "open" / "manifest.json"
    told = json.loads(manifest.read_text())
    told["rows"]["samples"] += 1
    manifest.write_text(json.dumps(told))
    forged = tmp_path / "forged.backup"
    with tarfile.open(forged, "w") as packed:
        packed.add(manifest, "manifest.json")
        packed.add(tmp_path / "open" / "database", "database")
    refused = titer.refused("restore", forged, "--force")
    assert refused["error"] == "copy_failed"
    assert "samples" in refused["message"]
    assert samples_in(elsewhere, own_world.bypass_url) == kept


def test_a_backup_of_a_broken_chain_replaces_nothing(
    own_world: World,
    elsewhere: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    lab = own_world.found("Backed up")
    lab.sample()
    seal(lab)
    titer = Commands(capsys)
    file = tmp_path / "titer.backup"
    titer.done("backup", file)
    change = "UPDATE audit_events SET canonical = canonical || ' '"
    third = "SELECT event_id FROM audit_links WHERE seq = 3"
    tamper(own_world, f"{change} WHERE organization_id = {lab.id} AND id IN ({third})")
    lab.sample()
    seal(lab)
    forged = tmp_path / "forged.backup"
    titer.done("backup", forged)
    move(elsewhere, own_world.bypass_url, monkeypatch)
    titer.done("restore", file)
    kept = samples_in(elsewhere, own_world.bypass_url)
    refused = titer.refused("restore", forged, "--force")
    assert refused["error"] == "copy_failed"
    assert "does not verify" in refused["message"]
    assert samples_in(elsewhere, own_world.bypass_url) == kept


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_a_role_that_does_not_see_every_row_makes_no_backup(
    own_world: World,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    own_world.found("Backed up")
    titer = Commands(capsys)
    file = tmp_path / "titer.backup"
    monkeypatch.setenv("TITER_BACKUP_DATABASE_URL", own_world.owner_url)
    refused = titer.refused("backup", file)
    assert refused["error"] == "copy_failed"
    assert "row-level security" in refused["message"]
    monkeypatch.delenv("TITER_BACKUP_DATABASE_URL")
    assert titer.refused("backup", file)["error"] == "backup_role_required"
    elsewhere = make_url(own_world.bypass_url).set(database="postgres")
    monkeypatch.setenv("TITER_BACKUP_DATABASE_URL", elsewhere.render_as_string(hide_password=False))
    assert "different databases" in titer.refused("backup", file)["message"]
    assert not file.exists()


def test_nothing_is_backed_up_of_nothing(empty: Commands, tmp_path: Path) -> None:
    refused = empty.refused("backup", tmp_path / "titer.backup")
    assert refused["error"] == "migrations_pending"
    assert list(tmp_path.glob("*.backup")) == []
