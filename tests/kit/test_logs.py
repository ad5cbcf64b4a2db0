"""The log: one JSON object a line, tracebacks whole, secrets never."""

import asyncio
import contextlib
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import structlog
from starlette.requests import Request
from starlette.responses import Response

from laboratory import open_world
from titer.kit import logs, tokens
from titer.kit.web.middleware import LastResort

PASSWORD = "canary-password-7Kq2"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    logs.configure("debug", stream=stream)
    yield stream
    logs.configure("error")


def fail(sentence: str) -> NoReturn:
    raise ValueError(sentence)


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_log_that_cannot_be_written_fails_nobody() -> None:
    with contextlib.suppress(OSError), Path("/dev/full").open("w") as full:  # closing flushes
        logs.configure("debug", stream=full)
        try:
            for number in range(2_000):
                structlog.get_logger("titer").info("received", sample_id=number)
                logging.getLogger("elsewhere").warning("received")
        finally:
            logs.configure("error")


def test_a_line_is_one_json_object(log: io.StringIO) -> None:
    structlog.get_logger("titer").info("received", sample_id=7, note="two\nlines")
    [line] = lines(log)
    assert line["event"] == "received"
    assert line["level"] == "info"
    assert line["note"] == "two\nlines"
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("name", ["uvicorn", "uvicorn.error", "sqlalchemy.pool", "anybody"])
def test_libraries_write_the_same_lines(log: io.StringIO, name: str) -> None:
    logging.getLogger(name).warning("worker %s is gone", 3)
    [line] = lines(log)
    assert line["event"] == "worker 3 is gone"
    assert line["level"] == "warning"
    assert line["logger"] == name


def test_the_servers_own_access_lines_are_not_written_twice(log: io.StringIO) -> None:
    logging.getLogger("uvicorn.access").info("GET / 200")
    assert lines(log) == []


@pytest.mark.parametrize("logger", [structlog.get_logger("titer"), logging.getLogger("library")])
def test_an_exception_keeps_its_traceback(log: io.StringIO, logger: Any) -> None:
    try:
        fail("no such plate")
    except ValueError:
        logger.exception("unforeseen")
    [line] = lines(log)
    assert line["level"] == "error"
    assert "Traceback" in line["exception"]
    assert "test_logs.py" in line["exception"]
    assert "ValueError: no such plate" in line["exception"]


@pytest.mark.parametrize(
    "secret",
    [
        tokens.mint("lk_"),
        tokens.mint("ls_"),
        "whsec_c2VjcmV0c2VjcmV0c2VjcmV0",
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo",
    ],
    ids=["API key", "sign-in", "webhook secret", "password hash"],
)
def test_what_looks_like_a_secret_is_hidden_wherever_it_stands(
    log: io.StringIO, secret: str
) -> None:
    logger = structlog.get_logger("titer")
    event = f"called with {secret}"
    logger.info(event)
    logger.info("called", header=f"Bearer {secret}", nested={"deep": [f"x {secret} y"]})
    logger.info("called", raw=secret.encode(), **{secret: 1})
    logging.getLogger("library").warning("%s and %r", secret, {"key": secret})
    try:
        fail(f"unexpected {secret}")
    except ValueError:
        logger.exception("unforeseen")
        logging.getLogger("library").exception("unforeseen")
    assert len(lines(log)) == 6
    assert secret not in log.getvalue()
    assert logs.HIDDEN in log.getvalue()


@pytest.mark.parametrize(
    "name",
    ["password", "Authorization", "rawKey", "raw_key", "api_token", "cookie", "clientSecret"],
)
def test_what_is_named_like_a_secret_is_hidden(log: io.StringIO, name: str) -> None:
    structlog.get_logger("titer").info("called", nested={name: PASSWORD}, **{name: PASSWORD})
    assert PASSWORD not in log.getvalue()


def test_the_password_in_an_address_is_hidden_and_the_address_is_not(log: io.StringIO) -> None:
    url = f"postgresql://titer_app:{PASSWORD}@db.example:5432/titer"
    logging.getLogger("library").error("cannot connect to %s", url)
    [line] = lines(log)
    assert line["event"] == (
        "cannot connect to postgresql://titer_app:[hidden]@db.example:5432/titer"
    )


def test_the_console_form_hides_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    secret = tokens.mint("lk_")
    logs.configure("info", "console", stream=stream)
    try:
        fail(f"unexpected {secret}")
    except ValueError:
        structlog.get_logger("titer").exception("unforeseen")
    logs.configure("error")
    assert "ValueError: unexpected [hidden]" in stream.getvalue()
    assert secret not in stream.getvalue() + capsys.readouterr().err


def test_a_day_of_requests_leaves_no_secret_in_the_log(log: io.StringIO, tmp_path: Path) -> None:
    with open_world(sqlite=tmp_path / "titer.db") as world:
        lab = world.found("Aqua Laboratory")
        canary = tokens.mint("lk_")
        lab.get("/whoami")
        lab.sample()
        lab.get("/samples", params={"trackingId": lab.key, "token": canary})
        lab.post("/samples", {"notes": lab.key, "password": PASSWORD})
        world.http.get("/api/v1/whoami", headers={"Authorization": f"Bearer {canary}"})
        world.http.get(f"/api/v1/samples/{canary}")
        world.http.post("/api/auth/login", json={"email": "ada@lab.example", "password": PASSWORD})
        logged = lines(log)
    assert sum(line["event"] == "request" for line in logged) >= 7
    assert all(line["request_id"] for line in logged if line["event"] == "request")
    for secret in (lab.key, canary, PASSWORD):
        assert secret not in log.getvalue()


async def _boom(*_arguments: object) -> None:
    raise RuntimeError(f"a key slipped in: {tokens.mint('lk_')}")


def test_what_nobody_foresaw_is_logged_whole_with_its_request(log: io.StringIO) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    def refuse(_request: Request, _problem: object) -> Response:
        return Response("internal", 500)

    scope = {"type": "http", "method": "GET", "path": "/api/v1/samples", "headers": []}
    scope["state"] = {"request_id": "r-1"}  # type: ignore[assignment]
    asyncio.run(LastResort(_boom, refuse)(scope, receive, send))
    [line] = [line for line in lines(log) if line["event"] == "unforeseen"]
    assert sent[0]["status"] == 500
    assert line["request_id"] == "r-1"
    assert "RuntimeError: a key slipped in: [hidden]" in line["exception"]
