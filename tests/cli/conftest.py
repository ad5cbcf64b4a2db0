"""Installations for commands to run on: the one that all tests share, and new ones."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from commands import Commands
from laboratory import World
from titer.kit.db import postgres


@pytest.fixture
def titer(
    world: World,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Commands:
    """Commands on the installation that serves `lab` and `rival`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TITER_DATABASE_URL", world.settings.database_url.get_secret_value())
    monkeypatch.setenv("TITER_OWNER_DATABASE_URL", world.owner_url)
    return Commands(capsys)


@pytest.fixture
def empty(
    request: pytest.FixtureRequest,
    backend: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Commands:
    """Commands on a database in which there is nothing yet."""
    monkeypatch.chdir(tmp_path)
    if backend == "sqlite":
        monkeypatch.setenv("TITER_DATABASE_URL", f"sqlite:///{tmp_path}/titer.db")
    else:
        superuser = request.getfixturevalue("postgres_url")
        name = f"titer_{uuid4().hex[:12]}"
        owner, server = asyncio.run(postgres.prepare(superuser, name, "owner", "app"))
        monkeypatch.setenv("TITER_DATABASE_URL", server)
        monkeypatch.setenv("TITER_OWNER_DATABASE_URL", owner)
    return Commands(capsys)


@pytest.fixture
def on_sqlite(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Commands:
    """Commands on a file of their own, in which there is nothing yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TITER_DATABASE_URL", f"sqlite:///{tmp_path}/titer.db")
    return Commands(capsys)
