"""`/readyz`: whether this worker should be sent requests, and why not."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from titer.kit.db.engine import Database
from titer.kit.db.revisions import newest_revision, revision
from titer.kit.draining import Drain
from titer.kit.windows import Windows

#: How long the database may take, and how long its answer is good for.
PATIENCE = 1.0
FRESH = 1.0


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks found, and whether requests are welcome."""

    ready: bool
    checks: Mapping[str, Mapping[str, Any]]


class Readiness:
    """The checks of one worker. The database is asked at most once a second."""

    def __init__(
        self,
        database: Database,
        windows: Windows,
        drain: Drain,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._windows = windows
        self._drain = drain
        self._seconds = seconds
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._found: Mapping[str, Mapping[str, Any]] = {}

    async def check(self) -> Checked:
        """Everything that must be well, and what is merely told."""
        async with self._asking:
            if self._seconds() - self._asked_at >= FRESH:
                self._found = await self._ask()
                self._asked_at = self._seconds()
        draining = {"draining": {"ok": not self._drain.begun}}
        required = {**self._found, **draining}
        ready = all(check["ok"] for name, check in required.items() if name != "limits")
        return Checked(ready, required)

    async def _ask(self) -> Mapping[str, Mapping[str, Any]]:
        database, limits = await asyncio.gather(self._ask_database(), self._windows.reachable())
        # A server of limits that is gone makes each worker count for itself, and nothing worse.
        return {**database, "limits": {"ok": limits, "shared": self._windows.shared}}

    async def _ask_database(self) -> Mapping[str, Mapping[str, Any]]:
        began = self._seconds()
        expected = newest_revision()
        try:
            current = await revision(self._database, PATIENCE)
        except Exception as trouble:  # noqa: BLE001 - whatever it is, it is the answer
            found = {"ok": False, "error": type(trouble).__name__}
            return {"database": found, "migrations": {"ok": False, "expected": expected}}
        milliseconds = round((self._seconds() - began) * 1000, 1)
        return {
            "database": {"ok": True, "ms": milliseconds},
            "migrations": {"ok": current == expected, "current": current, "expected": expected},
        }
