"""A real server that is told to stop: it says so first, cuts nobody off, and writes things down."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import create_engine, text

from laboratory import Laboratory, open_world

_SERVE = """
import sys, uvicorn
uvicorn.run("titer.app:create_app", factory=True, host="127.0.0.1", port=int(sys.argv[1]),
            workers=int(sys.argv[2]), lifespan="on", access_log=False)
"""


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(database: Path, *, drain: float, workers: int) -> Iterator[tuple[int, str]]:
    """A server in a process of its own: its process id and its address."""
    port = free_port()
    environment = os.environ | {
        "TITER_DATABASE_URL": f"sqlite:///{database}",
        "TITER_DRAIN_SECONDS": str(drain),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(port), str(workers)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            if status(f"{url}/readyz") == 200:
                break
            time.sleep(0.1)
        yield process.pid, url
        process.wait(30)
    finally:
        process.kill()
        process.wait()


def status(url: str) -> int:
    """The status that an address answers with; 0 when nobody does."""
    try:
        return httpx2.get(url, timeout=5).status_code
    except httpx2.TransportError:
        return 0


@pytest.fixture
def lab(tmp_path: Path) -> Laboratory:
    with open_world(sqlite=tmp_path / "titer.db") as world:
        return world.found("Aqua Laboratory")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stopping_server_says_so_and_answers_until_it_goes(
    tmp_path: Path, lab: Laboratory, workers: int
) -> None:
    with serving(tmp_path / "titer.db", drain=1.5, workers=workers) as (pid, url):
        os.kill(pid, signal.SIGTERM)
        told = time.monotonic()
        while status(f"{url}/readyz") == 200 and time.monotonic() - told < 5:
            time.sleep(0.02)
        assert status(f"{url}/readyz") == 503
        assert status(f"{url}/livez") == 200
        answer = httpx2.get(f"{url}/api/v1/whoami", headers=lab.headers)
        assert answer.status_code == 200
        while status(f"{url}/livez") and time.monotonic() - told < 20:
            time.sleep(0.05)
        assert 1.4 < time.monotonic() - told < 10


def test_clients_that_heed_the_readiness_are_all_answered(tmp_path: Path, lab: Laboratory) -> None:
    """As a load balancer does it: no new request once /readyz says no."""
    answered: list[int | str] = []
    leaving = threading.Event()

    def hammer(url: str) -> None:
        # A new connection each time, and yet little work: the prober beside it needs its turn.
        headers = lab.headers | {"Connection": "close"}
        wanted = {"clientName": "Acme", "materialTypeId": lab.has.water}
        with httpx2.Client(base_url=f"{url}/api/v1", headers=headers, timeout=10) as http:
            while not leaving.is_set():
                try:
                    answered.append(http.post("/samples", json=wanted).status_code)
                except httpx2.TransportError as error:
                    answered.append(type(error).__name__)

    with serving(tmp_path / "titer.db", drain=4, workers=1) as (pid, url):
        threads = [threading.Thread(target=hammer, args=(url,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        os.kill(pid, signal.SIGTERM)
        while status(f"{url}/readyz") == 200:
            time.sleep(0.05)
        leaving.set()
        for thread in threads:
            thread.join(20)
    assert set(answered) <= {201, 429}
    assert 201 in answered


def test_what_keys_were_used_is_written_down_at_the_end(tmp_path: Path, lab: Laboratory) -> None:
    database = tmp_path / "titer.db"
    with serving(database, drain=0, workers=1) as (pid, url):
        assert httpx2.get(f"{url}/api/v1/whoami", headers=lab.headers).status_code == 200
        os.kill(pid, signal.SIGTERM)
    engine = create_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        used = connection.execute(text("SELECT key_id FROM key_uses")).scalars().all()
    engine.dispose()
    assert used == [lab.key_id]
