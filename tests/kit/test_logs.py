"""Log lines: whole, and without a secret in them."""

import json

import pytest
import structlog

from titer.kit import tokens
from titer.kit.logs import HIDDEN, configure, hide_secrets

KEY = tokens.mint("lk_")
SECRET_NAMES = ["authorization", "Authorization", "cookie", "password", "new_password", "rawKey"]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_what_is_named_like_a_secret_is_hidden(name: str) -> None:
    assert hide_secrets(None, "info", {name: "anything"}) == {name: HIDDEN}


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f"Bearer {KEY}",
        f"GET /whoami?key={KEY}&x=1",
        tokens.mint("ls_"),
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
    ],
)
def test_what_looks_like_a_secret_is_hidden_wherever_it_stands(text: str) -> None:
    (shown,) = hide_secrets(None, "info", {"event": text}).values()
    assert HIDDEN in shown
    assert KEY not in shown
    assert "aGFzaA" not in shown


def test_a_line_is_one_json_object_and_a_traceback_hides_secrets_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("info")
    try:
        log = structlog.get_logger("titer.tests")
        try:
            raise LookupError(f"no such key {KEY}")  # noqa: TRY301 - the traceback is the point
        except LookupError:
            log.exception("unforeseen", path="/api/v1/whoami")
        log.debug("not worth a line")
        (line,) = capsys.readouterr().err.splitlines()
    finally:
        with capsys.disabled():  # so that later lines go where the run's go
            configure("error")
    shown = json.loads(line)
    assert (shown["event"], shown["level"]) == ("unforeseen", "error")
    assert "LookupError" in shown["exception"]
    assert KEY not in line
