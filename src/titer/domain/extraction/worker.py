"""The child's side: limits first, then one extraction from standard input to output."""

import json
import resource
import struct
import sys
from typing import BinaryIO

from titer.domain.extraction.engine import extract
from titer.domain.extraction.errors import UnreadableFile
from titer.domain.extraction.limits import CPU_SECONDS, MEMORY_BYTES
from titer.domain.extraction.transport import pack_extraction, unpack_world

LENGTH = struct.Struct(">Q")


def confine(memory: int = MEMORY_BYTES, seconds: int = CPU_SECONDS) -> None:
    """Take away what an extraction does not need: memory, time, files."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer one request; a refusal is an answer, anything else ends the process."""
    (size,) = LENGTH.unpack(source.read(LENGTH.size))
    packed = source.read(size)
    data = source.read()
    world, file_name, hint = unpack_world(packed)
    answer: dict[str, object]
    try:
        answer = {"extraction": pack_extraction(extract(data, file_name, world, hint))}
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
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
