"""`python -m benchmarks`: measure Titer, and print one table beside its goals."""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]

from benchmarks import loading, machine, measuring, same, works
from benchmarks.machine import Postgres, Server
from benchmarks.measuring import Contender, Effort, Taken
from benchmarks.works import WORKS

FULL = [200_000, *[16_326] * 48, 16_352]
SMALL = [4_000, *[842] * 19]
UVICORN = ("-m", "uvicorn", "--port", "{port}", "--loop", "uvloop", "--http", "httptools")
QUIET = ("--no-access-log", "--log-level", "warning")


def main() -> None:
    options = read_options()
    with scratch(options.keep) as folder, ExitStack() as stack:
        server = Postgres(folder / "pg", durable=options.durable)
        postgres = stack.enter_context(server.running())
        bench = Bench(options, folder, postgres, stack)
        bench.run()


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--small", action="store_true", help="20,000 samples: minutes, not hours")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="load here once, and keep it")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="works whose names have a WORD")
    parser.add_argument("--rounds", type=int, help="windows of each contender at each work")
    parser.add_argument("--seconds", type=float, help="length of a window")
    parser.add_argument("--durable", action="store_true", help="wait for the disk at each commit")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table here too")
    return parser.parse_args()


@contextmanager
def scratch(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="titer-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Bench:
    """A run of the benchmark."""

    options: argparse.Namespace
    folder: Path
    postgres: Postgres
    stack: ExitStack

    def run(self) -> None:
        small = self.options.small
        effort = Effort(
            self.options.rounds or (3 if small else 5),
            self.options.seconds or (1.0 if small else 4.0),
            0.5 if small else 2.0,
        )
        name = "small" if small else "full"
        place = loading.on_postgresql(self.postgres, name, SMALL if small else FULL, self.folder)
        asyncio.run(prepare_floor(place.bypass_url))
        subjects = asyncio.run(works.subjects_on(place.bypass_url, place.population))
        titer = self.titer(place)
        floor = self.floor(place)
        for told in same.differences(titer.server, floor.server, subjects):
            print(f"NOT THE SAME: {told}", file=sys.stderr)
        print("\n".join(machine.told()), flush=True)
        results = {}
        for work in WORKS:
            if self.wants(work.name):
                rivals = [titer, floor] if work.floor else [titer]
                results[work.name] = measuring.compare(rivals, work, subjects, effort)
        table(results)

    def wants(self, name: str) -> bool:
        words: Sequence[str] | None = self.options.only
        return not words or any(word in name for word in words)

    def titer(self, place: loading.Place, name: str = "Titer") -> Contender:
        server = self.serve(name, ("-m", "titer", "serve", "--port", "{port}"), place.environment())
        return Contender(server, self.postgres, place.bypass_url)

    def floor(self, place: loading.Place) -> Contender:
        words = (*UVICORN, *QUIET, "benchmarks.floor:app")
        server = self.serve("floor", words, {"BENCH_DATABASE_URL": place.bypass_url})
        return Contender(server, self.postgres, place.bypass_url)

    def serve(self, name: str, words: Sequence[str], environment: dict[str, str]) -> Server:
        return self.stack.enter_context(
            machine.serving(name, words, folder=self.folder, environment=environment)
        )


async def prepare_floor(url: str) -> None:
    """The audit table of the floor: Titer's, without the triggers that have it sealed."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("DROP SCHEMA IF EXISTS floor CASCADE; CREATE SCHEMA floor")
        await connection.execute(
            "CREATE TABLE floor.audit_events (LIKE public.audit_events INCLUDING ALL)"
        )
    finally:
        await connection.close()


def table(results: dict[str, dict[str, Taken]]) -> None:
    for name, taken in results.items():
        titer, floor = taken["Titer"], taken.get("floor")
        share = f"{titer.rate / floor.rate:.2f}" if floor else "-"
        print(
            f"{name:26} {share:>6} "
            + " ".join(
                f"| {who} {each.rate:8,.0f}/s p50 {each.p50:7.2f} p99 {each.p99:7.2f}"
                f" cpu {each.cpu:6.3f} db {each.database:6.3f} client {each.client:6.3f}"
                f" ±{each.spread / 2:.0%} {each.resident:.0f} MiB"
                for who, each in taken.items()
            )
        )


if __name__ == "__main__":
    began = time.monotonic()
    main()
    print(f"{time.monotonic() - began:.0f} s in all")
