"""The chapters of a run: each starts the servers that it needs, measures, and reports."""

import argparse
import asyncio
import csv
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path

from benchmarks import asking, loading, machine, measuring, same, works
from benchmarks.laboratories import Organization
from benchmarks.loading import Place
from benchmarks.machine import ROOT, Postgres, Server
from benchmarks.measuring import Contender, Effort, Taken
from benchmarks.report import Report
from benchmarks.traffic import drive, request
from benchmarks.works import Subjects, Work

FULL = (200_000, *[16_326] * 48, 16_352)
SMALL = (4_000, *[842] * 19)
#: A tenant among few others: what the same tenant among many must not cost more than.
FEW_OTHERS, FEW_OTHERS_SMALL = (16_352, 10_000), (842, 500)
ONE_LARGE = (1_000_000,)
_UVICORN = ("-m", "uvicorn", "--port", "{port}", "--loop", "uvloop", "--http", "httptools")
_UNLOGGED = ("--no-access-log", "--log-level", "warning")
_TITER = ("-m", "titer", "serve", "--port", "{port}")
_DJANGO = ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "-k", "gthread", "--threads", "16")
_KEEP_ALIVE = ("--keep-alive", "75", "--timeout", "300", "benchmarks.django_peer:application")
_MEMORY, _READY = 120.0, 2.0
#: About so long a measured import takes.
_IMPORT_SECONDS = 30.0
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a disk that takes no time


@dataclass
class Bench:
    """A run: what was asked for, where it works, and what it has found out."""

    options: argparse.Namespace
    folder: Path
    postgres: Postgres
    report: Report = field(default_factory=Report)

    @property
    def small(self) -> bool:
        return bool(self.options.small)

    @property
    def effort(self) -> Effort:
        rounds = self.options.rounds or (3 if self.small else 5)
        return Effort(
            rounds, self.options.seconds or (0.7 if self.small else 4.0), 0.5 if self.small else 2.0
        )

    @property
    def few(self) -> int:
        """How often each of many small questions is asked."""
        return 1 if self.small else 3

    def wants(self, *names: str) -> bool:
        words: Sequence[str] | None = self.options.only
        return not words or any(word in name for word in words for name in names)

    def place(self) -> Place:
        name, sizes = ("small", SMALL) if self.small else ("full", FULL)
        return loading.on_postgresql(self.postgres, name, sizes, self.folder)

    def serving(
        self, name: str, words: Sequence[str], environment: dict[str, str]
    ) -> AbstractContextManager[Server]:
        return machine.serving(name, words, folder=self.folder, environment=environment)

    @contextmanager
    def titer(
        self,
        place: Place,
        subjects: Subjects,
        name: str = "Titer",
        words: Sequence[str] = _TITER,
    ) -> Iterator[Contender]:
        with self.serving(name, words, place.environment()) as server:
            queue = place.bypass_url if place.url.startswith("postgresql") else None
            yield Contender(server, subjects, self.postgres, queue)

    @contextmanager
    def peer(
        self, name: str, words: Sequence[str], place: Place, subjects: Subjects
    ) -> Iterator[Contender]:
        with self.serving(name, words, {"BENCH_DATABASE_URL": place.bypass_url}) as server:
            queue = place.bypass_url if place.url.startswith("postgresql") else None
            yield Contender(server, subjects, self.postgres, queue)

    def compare(self, contenders: Sequence[Contender], work: Work, place: str = "") -> None:
        taken = measuring.compare(contenders, work, self.effort)
        self.report.works.append((place, work, taken))


def client(bench: Bench) -> None:
    """What the client of this benchmark can do, against a server that does nothing."""
    for size, what in ((1_000, "1 kB"), (60_000, "60 kB")):
        words = ("-m", "benchmarks.trivial", "{port}", str(size))
        with bench.serving(f"nothing {size}", words, {}) as server:
            window = drive(server.port, repeat(request("GET", "/", "none")), seconds=1.0)
        each = 1e3 * window.client_cpu / window.answered
        bench.report.preface.append(
            f"the client at most: {window.rate:,.0f} requests/s of {what}, {each:.3f} ms CPU each"
        )


def the_works(bench: Bench) -> None:
    """Titer, the floor and Django at the same work on the same machine."""
    wanted = [work for work in works.WORKS if bench.wants(work.name)]
    if not wanted:
        return
    place = bench.place()
    asyncio.run(loading.for_floor(place.bypass_url))
    subjects = asyncio.run(works.subjects_on(place.bypass_url, place.population))
    with ExitStack() as stack:
        titer = stack.enter_context(bench.titer(place, subjects))
        words = (*_UVICORN, *_UNLOGGED, "benchmarks.floor:app")
        floor = stack.enter_context(bench.peer("floor", words, place, subjects))
        django = _django(bench, stack, place, subjects)
        _check_same(bench, titer, floor)
        for work in wanted:
            rivals = [titer, *([floor] if work.floor else [])]
            rivals += [django] if work.django and django else []
            bench.compare(rivals, work)
        memory = titer.server.resident()
        bench.report.say("memory of a worker afterwards", memory, _MEMORY, unit="MiB")


def _django(bench: Bench, stack: ExitStack, place: Place, subjects: Subjects) -> Contender | None:
    if bench.options.without_django or importlib.util.find_spec("django") is None:
        bench.report.notes.append("Django REST framework was not measured.")
        return None
    asyncio.run(loading.for_django(place.bypass_url))
    words = (*_DJANGO, *_KEEP_ALIVE)
    return stack.enter_context(bench.peer("Django", words, place, subjects))


def _check_same(bench: Bench, titer: Contender, floor: Contender) -> None:
    """Tell where the floor answers otherwise: the ratios are worth little then."""
    owner = titer.subjects.anybody()
    asked = same.usual(titer.subjects, owner)
    for told in same.differences(titer.server, floor.server, owner.key, asked):
        bench.report.notes.append(f"NOT THE SAME ANSWER: {told}")
        print(bench.report.notes[-1], file=sys.stderr)


def on_sqlite(bench: Bench) -> None:
    """Titer on SQLite against the driver called in the loop."""
    sizes = (2_000, *[500] * 6) if bench.small else (20_000, *[10_000] * 8)
    kept = bench.folder / ("sqlite-small" if bench.small else "sqlite")
    kept.mkdir(exist_ok=True)
    loading.on_sqlite(kept, sizes)
    with _quick_copy(kept, durable=bench.options.durable) as folder:
        place = loading.on_sqlite(folder, sizes)
        subjects = works.subjects_of(place.population)
        words = (*_UVICORN, *_UNLOGGED, "benchmarks.floor_sqlite:app")
        with (
            bench.titer(place, subjects) as titer,
            bench.peer("floor", words, place, subjects) as floor,
        ):
            _check_same(bench, titer, floor)
            for work in works.ON_SQLITE:
                bench.compare([titer, floor], work, " (SQLite)")


@contextmanager
def _quick_copy(kept: Path, *, durable: bool) -> Iterator[Path]:
    """The folder on a disk that takes no time, unless the disk's time is wanted."""
    size = sum(each.stat().st_size for each in kept.iterdir())
    if durable or not _SHARED_MEMORY.is_dir() or shutil.disk_usage(_SHARED_MEMORY).free < 3 * size:
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="titer-bench-", dir=_SHARED_MEMORY) as folder:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        yield Path(folder)


def filters(bench: Bench) -> None:
    """The worst documented filter against the plain page, on a large tenant."""
    place = bench.place()
    if bench.options.filters:
        place = loading.on_postgresql(bench.postgres, "large", ONE_LARGE, bench.folder)
    owner = max(place.population.organizations, key=lambda each: each.samples)
    lists = (
        ("samples", "/api/v1/samples", asking.sample_filters(place.population, owner), "limit"),
        ("sample tests", "/api/v1/sample-tests", asking.test_filters(owner), "limit"),
        ("/api/tests", "/api/tests", asking.published_filters(place.population, owner), "per_page"),
    )
    with bench.titer(place, Subjects(place.population)) as titer:
        for name, base, queries, limit in lists:
            asked = asking.paths(base, queries, **{limit: works.PAGE})
            if base == "/api/tests":
                asked[asking.BY_CLIENT] = f"{base}?{limit}={works.PAGE}"
            found = asking.ratios(titer, f"{base}?{limit}={works.PAGE}", asked, owner, bench.few)
            worst = max(found, key=lambda each: found[each])
            what = f"{name}, {owner.samples:,} samples: worst filter against the plain page"
            bench.report.say(f"{what} ({worst})", found[worst], 3.0)
            told = ", ".join(f"{each} {times:.2f}" for each, times in found.items())
            bench.report.notes.append(f"{name}: {told}")


def pages(bench: Bench) -> None:
    """A page far down against the first one."""
    place = bench.place()
    owner = max(place.population.organizations, key=lambda each: each.samples)
    own = [number for number, each, _ in place.population.numbered() if each is owner]
    size = 20
    page = min(10_000, len(own) // size - 1)
    cursor = own[-(page - 1) * size]
    tests = min(1_000, 3 * len(own) // works.PAGE)
    with bench.titer(place, Subjects(place.population)) as titer:
        plain = f"/api/v1/samples?limit={size}"
        far = {"far": f"{plain}&cursor={cursor}"}
        found = asking.ratios(titer, plain, far, owner, 7)["far"]
        bench.report.say(f"samples: page {page:,} against page 1", found, 1.1)
        plain = f"/api/tests?per_page={works.PAGE}"
        found = asking.ratios(titer, plain, {"far": f"{plain}&page={tests}"}, owner, 7)["far"]
        bench.report.say(f"/api/tests: page {tests:,} against page 1", found, None)


def growth(bench: Bench) -> None:
    """The same tenant's list among few others and among many."""
    sizes = FEW_OTHERS_SMALL if bench.small else FEW_OTHERS
    few = loading.on_postgresql(
        bench.postgres, "few_small" if bench.small else "few", sizes, bench.folder
    )
    many = bench.place()
    ends = few.population.organizations[0], many.population.organizations[-1]
    subjects = [
        works.subjects_of(each.population).only(owner)
        for each, owner in zip((few, many), ends, strict=True)
    ]
    with (
        bench.titer(few, subjects[0], "Titer among few") as first,
        bench.titer(many, subjects[1], "Titer among many") as second,
    ):
        taken = measuring.compare([first, second], works.LIST, bench.effort)
    among_few, among_many = taken.values()
    others = [each.population.samples - ends[0].samples for each in (few, many)]
    what = f"list 100: {others[1]:,} samples of others against {others[0]:,}"
    _say_costs(bench, what, among_many, among_few, 1.1)


def faces(bench: Bench) -> None:
    """What a request costs with every face there, against one."""
    place = bench.place()
    subjects = asyncio.run(works.subjects_on(place.bypass_url, place.population))
    single = (*_UVICORN, *_UNLOGGED, "--factory", "benchmarks.one_face:application")
    every = (*_UVICORN, *_UNLOGGED, "--factory", "titer.app:create_app")
    with (
        bench.titer(place, subjects, "Titer with all faces", every) as first,
        bench.titer(place, subjects, "Titer with one face", single) as second,
    ):
        taken = measuring.compare([first, second], works.GET, bench.effort)
    every_face, one_face = taken.values()
    _say_costs(bench, "get one: all faces against one", every_face, one_face, 1.1)


def _say_costs(bench: Bench, what: str, first: Taken, second: Taken, goal: float) -> None:
    """Both processors' time for a request: the rate of two servers swings with the machine."""
    costs = [each.cpu + each.database for each in (first, second)]
    bench.report.say(f"{what}, processor time", costs[0] / costs[1], goal)
    bench.report.say(f"{what}, time between answers", second.rate / first.rate, None)


def workers(bench: Bench) -> None:
    """What a second worker adds; PostgreSQL and the client want the same cores."""
    place = bench.place()
    subjects = asyncio.run(works.subjects_on(place.bypass_url, place.population))
    with (
        bench.titer(place, subjects, "1 worker") as one,
        bench.titer(place, subjects, "2 workers", (*_TITER, "--workers", "2")) as two,
    ):
        for work in (works.LIST, works.GET):
            first, second = measuring.compare([one, two], work, bench.effort).values()
            what = (
                f"{work.name}: requests per second of 2 workers against 1, {os.cpu_count()} cores"
            )
            bench.report.say(what, second.rate / first.rate, None)


def starting(bench: Bench) -> None:
    place = bench.place()
    taken = []
    for _ in range(3):
        with bench.titer(place, Subjects(place.population)) as titer:
            taken.append(titer.server.ready_after)
    bench.report.say("start to ready", statistics.median(taken), _READY, unit="s")


def importing(bench: Bench) -> None:
    """`titer import samples` against COPY into the same tables, their checks on."""
    place = bench.place()
    owner = place.population.organizations[-1]
    start = min(_import(bench, place, owner, 1) for _ in range(3))
    each = max(_import(bench, place, owner, 200) - start, 0.01) / 199
    count = min(
        10_000 if bench.small else 100_000,
        max(500, int((5.0 if bench.small else _IMPORT_SECONDS) / each)),
    )
    taken = _import(bench, place, owner, count) - start
    copied = asyncio.run(loading.copy_intake(place.bypass_url, owner, count))
    bench.report.say(
        f"import of {count:,} samples with 2 tests ({count / taken:,.0f}/s)"
        f" against COPY ({count / copied:,.0f}/s)",
        copied / taken,
        0.5,
        most=False,
    )


def _import(bench: Bench, place: Place, owner: Organization, count: int) -> float:
    """The seconds that it takes to import so many samples."""
    file = bench.folder / "intake.csv"
    _write_intake(file, owner, count)
    words = (sys.executable, "-m", "titer", "import", "samples", str(file), "--org", str(owner.id))
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TITER_")}
    ours = {**kept, **place.environment(), "PYTHONPATH": str(ROOT / "src")}
    began = time.monotonic()
    done = subprocess.run(words, env=ours, check=False, capture_output=True, timeout=600)
    if done.returncode:
        said = done.stderr.decode(errors="replace")[-500:]
        raise RuntimeError(f"the import failed: {said}")
    return time.monotonic() - began


def _write_intake(file: Path, owner: Organization, count: int) -> None:
    with file.open("w", newline="", encoding="utf-8") as opened:
        rows = csv.writer(opened)
        rows.writerow(("materialType", "clientName", "collectionDate", "tests", "notes"))
        for number in range(count):
            tests = f"T{number % 12};T{(number + 1) % 12}"
            note = f"Taken at the second tap, number {number}."
            rows.writerow((f"M{number % 3}", owner.client_name, "2026-06-18", tests, note))


CHAPTERS: Sequence[tuple[str, Callable[[Bench], None]]] = (
    ("client", client),
    ("works", the_works),
    ("sqlite", on_sqlite),
    ("filters", filters),
    ("pages", pages),
    ("growth", growth),
    ("faces", faces),
    ("workers", workers),
    ("starting", starting),
    ("importing", importing),
)
