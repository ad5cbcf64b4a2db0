"""`titer serve`: what it refuses, and the real thing as a process."""

import os
import re
import select
import signal
import socket
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import httpx2
import pytest
from sqlalchemy.engine import make_url

from commands import Commands, started

_PATIENCE = 60.0


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("TITER_")}


class Server:
    """A server that is running, until the block ends; `stop` says how it left."""

    def __init__(self, folder: Path, *words: object, environment: Mapping[str, str]) -> None:
        self.process = started("serve", *words, environment=environment, folder=folder)
        self.announced = self._announcement()
        found = re.search(r"http://\S+", self.announced)
        assert found, (self.announced, self._rest())
        self.url = found[0]

    def _announcement(self) -> str:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], _PATIENCE)
        return self.process.stdout.readline() if ready else ""

    def _rest(self) -> str:
        self.process.kill()
        return self.process.communicate()[1]

    def get(self, path: str) -> httpx2.Response:
        """Connections are queued from the first line on: the first answer may take its time."""
        return httpx2.get(f"{self.url}{path}", timeout=_PATIENCE)

    def stop(self) -> tuple[int, str, str]:
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=_PATIENCE)
        return self.process.returncode, out, err


def test_a_server_sets_itself_up_answers_and_stops_when_told(
    empty: Commands, tmp_path: Path
) -> None:
    server = Server(tmp_path, "--port", 0, environment=_environment())
    try:
        answer = server.get("/api/v1")
        assert answer.status_code == 200
        assert answer.json()["version"] == "v1"
        assert "server" not in answer.headers
        assert f"{server.url}/docs" in server.announced
    finally:
        code, out, err = server.stop()
    assert code in {0, -signal.SIGTERM}
    assert out == ""
    assert "Traceback" not in err
    assert "it is set up now" in err
    assert empty.done("migrate")["changed"] is False


def test_many_workers_answer_and_stop_together(on_sqlite: Commands, tmp_path: Path) -> None:
    on_sqlite.done("migrate")
    server = Server(tmp_path, "--port", 0, "--workers", 2, environment=_environment())
    try:
        assert {server.get("/api/v1").status_code for _ in range(5)} == {200}
    finally:
        code, _, err = server.stop()
    assert code == 0
    assert "Traceback" not in err


def test_migrations_pending_are_never_run_by_a_server(on_sqlite: Commands, tmp_path: Path) -> None:
    on_sqlite.done("migrate")
    with sqlite3.connect(tmp_path / "titer.db") as connection:
        connection.execute("DELETE FROM alembic_version")
    connection.close()
    outcome = on_sqlite("serve", "--port", "0")
    assert outcome.code == 1
    assert "run `titer migrate`" in outcome.err
    assert outcome.out == ""


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_a_role_that_walks_past_the_walls_is_refused(
    empty: Commands, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    empty.done("migrate")
    owner = os.environ["TITER_OWNER_DATABASE_URL"]
    superuser = make_url(postgres_url).set(database=make_url(owner).database)
    walkers = {
        owner: "titer_owner owns the tables",
        superuser.render_as_string(hide_password=False): "is a superuser",
    }
    for url, reason in walkers.items():
        monkeypatch.setenv("TITER_DATABASE_URL", url)
        outcome = empty("serve", "--port", "0")
        assert (outcome.code, outcome.out) == (1, "")
        assert reason in outcome.err
        assert "titer_app" in outcome.err


def test_a_port_that_is_taken_is_said(on_sqlite: Commands) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = on_sqlite("serve", "--port", port)
    assert outcome.code == 1
    assert f"port {port}" in outcome.err
    assert "--port" in outcome.err


def test_the_module_is_the_command(tmp_path: Path) -> None:
    process = started("--help", environment={}, folder=tmp_path)
    out, _ = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 0
    assert "serve" in out
