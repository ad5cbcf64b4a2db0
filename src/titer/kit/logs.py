"""Structured logs: one JSON object a line, with no secret in it."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET_NAMES = re.compile(r"authorization|cookie|password|secret|raw_?key|token", re.IGNORECASE)
_SECRET_TEXT = re.compile(r"\b(lk|ls|lr|lak|whsec)_[0-9A-Za-z+/=.]{8,}|argon2id\$[^\s\"']+")
HIDDEN = "[hidden]"


def hide_secrets(_logger: object, _method: str, line: MutableMapping[str, Any]) -> Any:
    """Blank what is named like a secret, and what looks like one of ours wherever it stands."""
    for name, value in line.items():
        if _SECRET_NAMES.search(name):
            line[name] = HIDDEN
        elif isinstance(value, str):
            line[name] = _SECRET_TEXT.sub(HIDDEN, value)
    return line


def configure(level: str = "info", form: str = "json") -> None:
    """Send our lines, and those of the libraries below, to standard error in one form."""
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
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
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
