"""`/metrics`: what Prometheus reads.

Operations are told by their ids, never by their paths, which hold the ids of records. Each worker
counts for itself. With several workers behind one port, set PROMETHEUS_MULTIPROC_DIR to an empty
folder before starting: then whichever worker is asked answers for all of them.
"""

import os
import platform
import time

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from titer.kit.db.engine import Database

CONTENT_TYPE = CONTENT_TYPE_LATEST
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
#: What stands for a request that no operation answered: an unknown path, or one refused before.
NO_OPERATION = "none"


class Metrics:
    """The counters of one worker."""

    def __init__(self, database: Database, version: str) -> None:
        self._database = database
        self._shared = "PROMETHEUS_MULTIPROC_DIR" in os.environ
        registry = self._registry = CollectorRegistry()
        self.requests = Counter(
            "titer_requests",
            "Requests answered.",
            ("operation", "method", "status"),
            registry=registry,
        )
        self.seconds = Histogram(
            "titer_request_duration_seconds",
            "Time from the first byte of a request to the last of its answer.",
            ("operation",),
            buckets=_BUCKETS,
            registry=registry,
        )
        self.in_flight = Gauge(
            "titer_requests_in_flight",
            "Requests being answered now.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.limited = Counter(
            "titer_rate_limited", "Requests refused by a rate limit.", ("limit",), registry=registry
        )
        self.connections = Gauge(
            "titer_database_connections",
            "Database connections of the pool, in use or in all.",
            ("state",),
            registry=registry,
            multiprocess_mode="livesum",
        )
        build = Gauge(
            "titer_build_info",
            "Always 1; the labels tell what is running.",
            ("version", "python"),
            registry=registry,
            multiprocess_mode="livemax",
        )
        build.labels(version, platform.python_version()).set(1)
        if not self._shared:
            ProcessCollector(registry=registry)
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def note(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request that has been answered."""
        operation = operation_of(scope)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        requests, spent = self._counters(operation, method, status)
        requests.inc()
        spent.observe(seconds)
        limited = scope.get("state", {}).get("limited")
        if limited:
            self.limited.labels(limited).inc()
        if self._shared:
            self._note_connections()  # another worker may be asked

    def _counters(self, operation: str, method: str, status: int) -> tuple[Counter, Histogram]:
        known = self._known.get((operation, method, status))
        if known is None:
            requests = self.requests.labels(operation, method, str(status))
            known = requests, self.seconds.labels(operation)
            self._known[operation, method, status] = known
        return known

    def exposition(self) -> bytes:
        """The text that Prometheus reads: of all workers where they share a folder."""
        self._note_connections()
        if not self._shared:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    def _note_connections(self) -> None:
        in_use, size = self._database.connections()
        self.connections.labels("in_use").set(in_use)
        self.connections.labels("limit").set(size)


def operation_of(scope: Scope) -> str:
    """The id of the operation that answered, whichever face it belongs to."""
    known = getattr(scope.get("route"), "operation_id", None)
    return str(known or scope.get("state", {}).get("operation", NO_OPERATION))


class Measured:
    """Counts every request that passes through."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self.metrics.in_flight.track_inprogress():
            try:
                await self.app(scope, receive, send_and_note)
            finally:
                self.metrics.note(scope, status, time.perf_counter() - began)
