"""One contender against the other, in turns, so that what the machine does meanwhile hits all."""

import asyncio
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import asyncpg  # type: ignore[import-untyped]

from benchmarks.machine import Postgres, Server
from benchmarks.traffic import Broken, Window, drive
from benchmarks.works import Subjects, Work, renew

_SEALED_WITHIN = 60.0
#: Whoever does less a second is measured once only.
_SLOW = 1.0


@dataclass(frozen=True)
class Effort:
    """How much is asked of each contender."""

    rounds: int
    seconds: float
    warm_up: float
    #: A window never lasts longer.
    longest: float = 40.0


@dataclass
class Contender:
    """A server that is measured, and where its records lie."""

    server: Server
    subjects: Subjects
    postgres: Postgres | None = None
    #: Whose audit queue is to be empty before anybody is measured.
    queue_url: str | None = None

    @property
    def name(self) -> str:
        return self.server.name


@dataclass
class Taken:
    """What a contender did at one work, window by window."""

    windows: list[Window] = field(default_factory=list)
    server_cpu: list[float] = field(default_factory=list)
    database_cpu: list[float] = field(default_factory=list)
    resident: float = 0.0

    @property
    def rate(self) -> float:
        return statistics.median(each.rate for each in self.windows)

    def milliseconds(self, share: float) -> float:
        return 1e3 * statistics.median(each.percentile(share) for each in self.windows)

    @property
    def refused(self) -> int:
        return sum(each.refused for each in self.windows)

    @property
    def p50(self) -> float:
        return self.milliseconds(0.50)

    @property
    def p99(self) -> float:
        return self.milliseconds(0.99)

    @property
    def cpu(self) -> float:
        """Milliseconds of the server's processor time for a request."""
        return 1e3 * statistics.median(self.server_cpu)

    @property
    def database(self) -> float:
        """Milliseconds of the database's."""
        return 1e3 * statistics.median(self.database_cpu)

    @property
    def client(self) -> float:
        """Milliseconds of this client's."""
        return 1e3 * statistics.median(each.client_cpu / each.answered for each in self.windows)

    @property
    def spread(self) -> float:
        """How far the windows lie apart, as a share of the median rate."""
        rates = [each.rate for each in self.windows]
        return (max(rates) - min(rates)) / self.rate


def compare(contenders: Sequence[Contender], work: Work, effort: Effort) -> dict[str, Taken]:
    """Each contender at one work, in turns."""
    taken = {each.name: Taken() for each in contenders}
    requests = {each.name: work.requests(each.subjects) for each in contenders}
    slow = set()
    for each in contenders:
        prepare(each, work)
        if warm_up(each, requests[each.name], work, effort).rate < _SLOW:
            slow.add(each.name)
    for number in range(effort.rounds):
        order = contenders if number % 2 == 0 else contenders[::-1]
        for each in order:
            if number > 0 and each.name in slow:
                continue
            prepare(each, work)
            note(taken[each.name], each, requests[each.name], work, effort)
    said = ", ".join(f"{name} {each.rate:,.0f}/s" for name, each in taken.items())
    print(f"  {work.name}: {said}", file=sys.stderr, flush=True)
    return taken


def prepare(contender: Contender, work: Work) -> None:
    """Let earlier windows be over, and see to it that there is something to work on."""
    settle(contender)
    if work.uses_up and contender.queue_url is not None:
        asyncio.run(renew(contender.queue_url, contender.subjects))


def note(
    taken: Taken, contender: Contender, requests: Iterator[bytes], work: Work, effort: Effort
) -> None:
    """Measure one window, and what it cost."""
    server, database = contender.server.cpu(), _database_cpu(contender)
    window = run(contender, requests, work, seconds=effort.seconds, longest=effort.longest)
    taken.windows.append(window)
    taken.server_cpu.append((contender.server.cpu() - server) / window.answered)
    after = _database_cpu(contender)
    spent = sum(used - database.get(each, 0.0) for each, used in after.items())
    taken.database_cpu.append(spent / window.answered)
    taken.resident = contender.server.resident()


def warm_up(contender: Contender, requests: Iterator[bytes], work: Work, effort: Effort) -> Window:
    most = 100 if work.uses_up else 2_000
    return run(contender, requests, work, seconds=effort.warm_up, longest=effort.longest, most=most)


def run(
    contender: Contender,
    requests: Iterator[bytes],
    work: Work,
    *,
    seconds: float,
    longest: float,
    most: int | None = None,
) -> Window:
    """One window. What was refused counts for nothing, and is told."""
    try:
        window = drive(
            contender.server.port,
            requests,
            seconds=seconds,
            connections=work.connections,
            least=work.least,
            longest=longest,
            most=most,
        )
    except Broken as trouble:
        raise RuntimeError(f"{contender.name}: {trouble}") from trouble
    if window.refused:
        told = window.refusal.partition(b"\r\n\r\n")[2].decode(errors="replace")
        print(f"  {contender.name} refused {window.refused}: {told}", file=sys.stderr)
    if not window.answered:
        raise RuntimeError(f"{contender.name} did nothing of what was asked")
    return window


def _database_cpu(contender: Contender) -> dict[int, float]:
    return contender.postgres.cpu() if contender.postgres is not None else {}


def settle(contender: Contender) -> None:
    """Wait until what earlier windows left to be done is done: the chain of the audit trail."""
    if contender.queue_url is not None:
        asyncio.run(_until_sealed(contender.queue_url))


async def _until_sealed(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        until = time.monotonic() + _SEALED_WITHIN
        while await connection.fetchval("SELECT EXISTS (SELECT 1 FROM audit_queue)"):
            if time.monotonic() > until:
                print("  the audit trail is not sealed in time", file=sys.stderr)
                return
            await asyncio.sleep(0.05)
    finally:
        await connection.close()
