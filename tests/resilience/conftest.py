"""Installations that a test may break: a database, and servers on it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from servers import Installation, Postgres

Figure = Callable[[str, str, object], None]


@pytest.fixture(scope="session")
def own_postgres(scratch: Path, worker: str) -> Iterator[Postgres]:
    """A PostgreSQL of this worker's own, listening on loopback: it may be killed."""
    server = Postgres(scratch / f"own-{worker}")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def installation(
    request: pytest.FixtureRequest, backend: str, tmp_path: Path
) -> Iterator[Installation]:
    """A new installation on one of the databases. No secret is in what its servers log."""
    if backend == "sqlite":
        made = Installation.on_sqlite(tmp_path / "titer")
    else:
        superuser = request.getfixturevalue("own_postgres").url
        name = f"titer_{uuid4().hex[:12]}"
        made = Installation.on_postgresql(tmp_path / "titer", superuser, name)
    yield made
    logged = made.log.read_text() if made.log.exists() else ""
    assert "lk_" not in logged
    assert "argon2id$" not in logged
