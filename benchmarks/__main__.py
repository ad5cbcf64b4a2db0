"""`python -m benchmarks`: measure Titer, and print one table beside its goals."""

import argparse
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import machine
from benchmarks.chapters import CHAPTERS, Bench
from benchmarks.machine import Postgres


def main() -> None:
    options = read_options()
    # Whoever ends us ends what we have started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    began = time.monotonic()
    with scratch(options.keep) as folder:
        server = Postgres(folder / "pg", durable=options.durable)
        with server.running() as postgres:
            bench = Bench(options, folder, postgres)
            bench.report.preface += machine.told()
            bench.report.preface.append(f"command: python -m benchmarks {shlex.join(sys.argv[1:])}")
            try:
                run(bench)
            finally:
                bench.report.preface.append(
                    f"load at the end: {machine.load()}; {time.monotonic() - began:.0f} s in all"
                )
                print(bench.report.text(markdown=False))
                if options.markdown is not None:
                    bench.report.write(options.markdown)


def run(bench: Bench) -> None:
    for name, chapter in CHAPTERS:
        if bench.options.chapters and name not in bench.options.chapters:
            continue
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            chapter(bench)
        except RuntimeError as trouble:
            bench.report.notes.append(f"{name.upper()} WAS NOT MEASURED: {trouble}")
            print(bench.report.notes[-1], file=sys.stderr)


def read_options() -> argparse.Namespace:
    names = [name for name, _ in CHAPTERS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--small", action="store_true", help="20,000 samples: a few minutes")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="load here once, and keep it")
    parser.add_argument("--chapters", nargs="+", choices=names, help="only these chapters")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="works whose names have a WORD")
    parser.add_argument("--filters", action="store_true", help="filter a tenant of 1,000,000")
    parser.add_argument("--rounds", type=int, help="windows of each contender at each work")
    parser.add_argument("--seconds", type=float, help="length of a window")
    parser.add_argument("--durable", action="store_true", help="wait for the disk at each commit")
    parser.add_argument("--without-django", action="store_true", help="leave Django out")
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


if __name__ == "__main__":
    main()
