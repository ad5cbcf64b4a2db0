"""Structured logs: one JSON object a line, with no secret in it."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

_SECRET_NAMES = re.compile(r"authorization|cookie|password|secret|raw_?key|token", re.IGNORECASE)
_SECRET_TEXT = re.compile(
    r"\b(?:lk|ls|lr|lak|whsec)_[0-9A-Za-z+/=.]{8,}"
    r"|\$?argon2id\$[^\s\"']+"
    r"|(?<=://)(?P<user>[^\s:/@]*):[^\s/@]+(?=@)"  # the password in an address
)
HIDDEN = "[hidden]"


def hide_secrets(_logger: object, _method: str, line: MutableMapping[str, Any]) -> Any:
    """Blank what is named like a secret, and what looks like one of ours wherever it stands."""
    return _without_secrets(line)


def _without_secrets(value: Any) -> Any:
    if isinstance(value, str):
        return _SECRET_TEXT.sub(_blank, value)
    if isinstance(value, Mapping):
        return {
            _without_secrets(name): HIDDEN
            if _SECRET_NAMES.search(str(name))
            else _without_secrets(each)
            for name, each in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_secrets(each) for each in value]
    if value is None or isinstance(value, bool | int | float | logging.LogRecord):
        return value
    # Whatever else there is will be written as text in the end: as text it can be read.
    return _SECRET_TEXT.sub(_blank, str(value))


def _blank(match: re.Match[str]) -> str:
    user = match["user"]
    return HIDDEN if user is None else f"{user}:{HIDDEN}"


def _name_library(_logger: object, _method: str, line: MutableMapping[str, Any]) -> Any:
    """Which library wrote a line that is not ours."""
    record = line.get("_record")
    if isinstance(record, logging.LogRecord):
        line["logger"] = record.name
    return line


class _Forgiving:
    """A stream that loses a line rather than an answer: a log's disk may be full as well."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def configure(level: str = "info", form: str = "json", stream: TextIO | None = None) -> None:
    """Send our lines, and those of the libraries below, to standard error in one form."""
    stream = stream or sys.stderr
    forgiving = _Forgiving(stream)
    number = getattr(logging, level.upper())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", forgiving)),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(forgiving)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_name_library, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(number)
    for name in ("uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    logging.getLogger("uvicorn.access").disabled = True
    # It says what it found each time somebody asks how far a database is.
    logging.getLogger("alembic").setLevel(max(number, logging.WARNING))
