"""The child's side: limits first, then one extraction from standard input to output."""

import gc
import json
import resource
import struct
import sys
from typing import BinaryIO

from titer.domain.extraction.engine import extract_from_grids, open_sheets
from titer.domain.extraction.errors import UnreadableFile
from titer.domain.extraction.limits import CPU_SECONDS, MEMORY_BYTES
from titer.domain.extraction.reading import read_grids
from titer.domain.extraction.transport import Task, pack_extraction, unpack_world
from titer.domain.extraction.values import Assay, Sample, Target, World

LENGTH = struct.Struct(">Q")


def confine(memory: int = MEMORY_BYTES, seconds: int = CPU_SECONDS) -> None:
    """Take away what an extraction does not need: memory, time, files."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def work_on(task: Task, data: bytes) -> dict[str, object]:
    """One file's answer. What only few tasks need is imported when it is needed."""
    grids = read_grids(data)
    found = extract_from_grids(grids, task.file_name, task.world, task.hint)
    answer: dict[str, object] = {}
    if task.with_excerpt:
        from titer.domain.extraction.excerpt import excerpt  # noqa: PLC0415 - see above

        answer["excerpt"] = excerpt(open_sheets(grids, task.world, task.hint))
    if task.mapping is not None:
        from titer.domain.extraction.mapped import carry_out, combine  # noqa: PLC0415 - see above
        from titer.domain.extraction.mapping import parse_mapping  # noqa: PLC0415 - see above

        sheets = open_sheets(grids, task.world, task.hint)
        mapped = carry_out(parse_mapping(task.mapping), sheets, task.world)
        found = combine(found, mapped, found.extractor)
    answer["extraction"] = pack_extraction(found)
    return answer


def warm_up() -> None:
    """Read the tables and rules that every file needs, while nobody waits."""
    world = World((Sample(1, "WARM-00001"),), (Assay(1, "PH", "pH"),), (Target(1, 1, 1),))
    text = b"Sample ID,pH,Lead (mg/L)\nWARM-00001,7.1,<0.01\n"
    json.dumps(pack_extraction(extract_from_grids(read_grids(text), "run.csv", world)))


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer one request; a refusal is an answer, anything else ends the process."""
    (size,) = LENGTH.unpack(source.read(LENGTH.size))
    packed = source.read(size)
    data = source.read()
    answer: dict[str, object]
    try:
        answer = work_on(unpack_world(packed), data)
    except UnreadableFile as refusal:
        answer = {"unreadable": refusal.sentence}
    except MemoryError:
        answer = {"unreadable": "The file needs more memory than a table of results may take."}
    except RecursionError:
        answer = {"unreadable": "The file is nested too deeply to be a table of results."}
    sink.write(json.dumps(answer, separators=(",", ":")).encode())
    sink.flush()


def main() -> None:
    """Entry of the child process."""
    confine()
    warm_up()
    gc.disable()  # one file is read and the process ends: what it leaves behind goes with it
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
