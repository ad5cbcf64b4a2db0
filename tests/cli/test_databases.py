"""`titer migrate`, `titer database prepare`."""

import sqlite3
from pathlib import Path
from uuid import uuid4

import pytest

from commands import Commands


def test_an_empty_database_is_set_up_once(empty: Commands) -> None:
    first = empty.done("migrate")
    assert first["changed"]
    assert first["from"] is None
    again = empty.done("migrate")
    assert again == {"from": first["to"], "to": first["to"], "changed": False}
    assert empty.done("org", "list") == {"organizations": []}


def test_commands_on_a_database_that_is_not_set_up_say_what_to_run(empty: Commands) -> None:
    for words in (("org", "list"), ("org", "create", "Acme"), ("plan", "list")):
        refusal = empty.refused(*words)
        assert refusal["error"] == "migrations_pending"
        assert "run `titer migrate`" in refusal["message"]


def _at_revision(folder: Path, revision: str) -> None:
    with sqlite3.connect(folder / "titer.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.close()


def test_a_database_of_a_later_release_is_left_alone(on_sqlite: Commands, tmp_path: Path) -> None:
    on_sqlite.done("migrate")
    _at_revision(tmp_path, "9999")
    for words in (("migrate",), ("plan", "list")):
        refusal = on_sqlite.refused(*words)
        assert refusal["error"] == "database_ahead"
        assert "9999" in refusal["message"]


def test_the_owners_url_is_asked_for_where_it_is_needed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    monkeypatch.setenv("TITER_DATABASE_URL", postgres_url)
    monkeypatch.delenv("TITER_OWNER_DATABASE_URL", raising=False)
    refusal = Commands(capsys).refused("migrate")
    assert refusal["error"] == "owner_required"
    assert "TITER_OWNER_DATABASE_URL" in refusal["message"]


def test_a_database_is_prepared_and_its_urls_work(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    titer = Commands(capsys)
    # The cluster is shared with the other tests: the roles keep the passwords that they have.
    monkeypatch.setenv("OWNERS", "owner")
    monkeypatch.setenv("SERVERS", "app")
    words: tuple[object, ...] = (
        *("database", "prepare", "--superuser-url", postgres_url),
        *("--name", f"titer_{uuid4().hex[:12]}"),
        *("--owner-password-env", "OWNERS", "--app-password-env", "SERVERS"),
    )
    urls = titer.done(*words)
    assert titer.done(*words) == urls
    assert f"export TITER_DATABASE_URL='{urls['databaseUrl']}'" in titer(*words).out
    monkeypatch.setenv("TITER_DATABASE_URL", urls["databaseUrl"])
    monkeypatch.setenv("TITER_OWNER_DATABASE_URL", urls["ownerDatabaseUrl"])
    assert titer.done("migrate")["changed"]
    assert titer.done("org", "create", "Acme")["plan"] == "enterprise"


def test_passwords_that_servers_know_are_not_replaced_unasked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    titer = Commands(capsys)
    monkeypatch.setenv("OWNERS", "owner")
    monkeypatch.setenv("SERVERS", "app")
    prepare = ("database", "prepare", "--superuser-url", postgres_url)
    titer.done(*prepare, "--owner-password-env", "OWNERS", "--app-password-env", "SERVERS")
    refusal = titer.refused(*prepare)
    assert refusal["error"] == "roles_exist"
    assert "--new-passwords" in refusal["message"]


def test_what_cannot_be_prepared_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    titer = Commands(capsys)
    nowhere = "postgresql://postgres:secret@127.0.0.1:1/postgres"
    refusal = titer.refused("database", "prepare", "--superuser-url", nowhere)
    assert refusal["error"] == "unavailable"
    assert "secret" not in refusal["message"]
    named = ("--superuser-url", nowhere, "--name", 'x"; DROP DATABASE titer')
    assert titer("database", "prepare", *named).code == 2
    assert titer("database", "prepare", "--superuser-url", "mysql://x/y").code == 2
