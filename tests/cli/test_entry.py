"""What every command has in common: help, usage, settings, a database out of reach."""

import pytest

from commands import Commands


@pytest.fixture
def alone(capsys: pytest.CaptureFixture[str]) -> Commands:
    """Commands that never get as far as a database."""
    return Commands(capsys)


def test_help_lists_the_commands_and_succeeds(alone: Commands) -> None:
    outcome = alone("--help")
    assert outcome.code == 0
    for command in ("serve", "migrate", "demo", "org", "user", "key", "plan", "import", "database"):
        assert command in outcome.out


@pytest.mark.parametrize(
    "words",
    [
        ("org", "creat", "Acme"),
        ("org", "create"),
        ("org", "set-plan", "one", "free"),
        ("plan", "set", "free", "--monthly-samples", "many"),
        ("plan", "set", "free", "--monthly-samples", "-1"),
        ("import", "samples", "--org", "1", "/no/such/file.csv"),
        ("user", "create", "--org", "1", "--email", "a@b.c", "--name", "A", "--role", "boss"),
        ("serve", "--port", "70000"),
    ],
)
def test_a_command_asked_wrongly_leaves_with_2_and_says_where_help_is(
    alone: Commands, words: tuple[str, ...]
) -> None:
    outcome = alone(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert "--help` shows how" in outcome.err
    told = alone(*words, "--json")
    assert told.code == 2
    assert told.json["error"] == "usage"


def test_a_wrong_setting_is_named_and_its_value_is_not_shown(
    alone: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TITER_RATE_LIMIT", "hunter2")
    refusal = alone.refused("plan", "list")
    assert refusal["error"] == "invalid_settings"
    assert "TITER_RATE_LIMIT" in refusal["message"]
    assert "hunter2" not in refusal["message"]


def test_a_database_of_another_make_is_refused(
    alone: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TITER_DATABASE_URL", "mysql://somebody:secret@db/titer")
    refusal = alone.refused("plan", "list")
    assert refusal["error"] == "invalid_settings"
    assert "sqlite:///PATH" in refusal["message"]


def test_a_database_out_of_reach_is_named_without_its_password(
    alone: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TITER_DATABASE_URL", "postgresql://titer_app:secret@127.0.0.1:1/titer")
    refusal = alone.refused("plan", "list")
    assert refusal["error"] == "unavailable"
    assert "127.0.0.1:1/titer" in refusal["message"]
    assert "secret" not in refusal["message"]


def test_a_file_that_is_no_database_is_refused(
    alone: Commands, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    file = f"{tmp_path}/notes.txt"
    with open(file, "w") as notes:  # noqa: PTH123 - the path is text here
        notes.write("not a database, but long enough to be taken for one " * 20)
    monkeypatch.setenv("TITER_DATABASE_URL", f"sqlite:///{file}")
    assert alone.refused("plan", "list")["error"] == "unavailable"
