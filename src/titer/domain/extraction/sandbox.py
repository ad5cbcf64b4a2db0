"""The parent's side: a file is read in a child process that can be killed."""

import asyncio
import contextlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from titer.domain.extraction.errors import UnreadableFile
from titer.domain.extraction.limits import MAX_BYTES, WALL_SECONDS
from titer.domain.extraction.transport import Garbled, pack_world, unpack_extraction
from titer.domain.extraction.values import Extraction, World

_ROOT = str(Path(__file__).resolve().parents[3])
_BOOT = (
    "import sys; sys.path.insert(0, sys.argv[1]);"
    "from titer.domain.extraction.worker import main; main()"
)
_MAX_ANSWER = 64 * 1024 * 1024
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}


class Child:
    """A process waiting for one file. Started ahead, it hides the interpreter's start-up."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, boot: str = _BOOT) -> "Child":
        """Start a child that knows nothing yet: no environment, no open files of the parent."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-X", "utf8", "-c", boot, _ROOT,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL, env=_ENVIRONMENT, start_new_session=True,
            limit=1024 * 1024,
        )  # fmt: skip
        return cls(process)

    @property
    def waits(self) -> bool:
        """Whether the process is still there."""
        return self._process.returncode is None

    async def ask(self, request: bytes, wall_seconds: float) -> bytes:
        """The child's answer, or `UnreadableFile` where it gives none in time."""
        try:
            async with asyncio.timeout(wall_seconds):
                sent = asyncio.create_task(self._send(request))
                try:
                    answer = await self._receive()
                finally:
                    sent.cancel()
                status = await self._process.wait()
        except TimeoutError:
            raise UnreadableFile("The file took too long to read.") from None
        finally:
            await self.stop()
        if status != 0 or not answer:
            raise UnreadableFile("The file could not be read within the limits of time and memory.")
        return answer

    async def _send(self, request: bytes) -> None:
        stdin = self._process.stdin
        if stdin is None:
            return
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            stdin.write(request)
            await stdin.drain()
            stdin.close()

    async def _receive(self) -> bytes:
        stdout = self._process.stdout
        parts: list[bytes] = []
        size = 0
        while stdout is not None and (part := await stdout.read(1024 * 1024)):
            size += len(part)
            if size > _MAX_ANSWER:
                raise UnreadableFile("The file holds more results than can be answered at once.")
            parts.append(part)
        return b"".join(parts)

    async def stop(self) -> None:
        """Make sure that the process is gone."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()


@dataclass(frozen=True, slots=True)
class Study:
    """What a child made of a file: its results, and an excerpt where one was asked for."""

    extraction: Extraction
    excerpt: str | None = None


def _request(packed: bytes, data: bytes) -> bytes:
    return len(packed).to_bytes(8, "big") + packed + data


async def extract_in_child(
    data: bytes,
    file_name: str,
    world: World,
    hint: str | None = None,
    *,
    wall_seconds: float = WALL_SECONDS,
    child: Child | None = None,
) -> Extraction:
    """Read a file where neither a crash nor a loop nor greed can hurt the server."""
    study = await study_in_child(
        data, file_name, world, hint, wall_seconds=wall_seconds, child=child
    )
    return study.extraction


async def study_in_child(
    data: bytes,
    file_name: str,
    world: World,
    hint: str | None = None,
    *,
    with_excerpt: bool = False,
    mapping: Any = None,
    wall_seconds: float = WALL_SECONDS,
    child: Child | None = None,
) -> Study:
    """The same, with an excerpt to be shown to somebody else, or by a mapping of theirs."""
    try:
        if len(data) > MAX_BYTES:
            raise UnreadableFile(f"The file is larger than {MAX_BYTES // (1024 * 1024)} MiB.")

        def prepare() -> bytes:
            packed = pack_world(world, file_name, hint, with_excerpt=with_excerpt, mapping=mapping)
            return _request(packed, data)

        request = await asyncio.to_thread(prepare)
        ready, child = child if child is not None else await Child.start(), None
    finally:
        if child is not None:
            await child.stop()
    answer = await ready.ask(request, wall_seconds)
    return await asyncio.to_thread(_understand, answer, world)


def _understand(answer: bytes, world: World) -> Study:
    try:
        document = json.loads(answer)
        if "unreadable" in document:
            raise UnreadableFile(str(document["unreadable"])[:500])
        found = unpack_extraction(document["extraction"], world)
        return Study(found, document.get("excerpt"))
    except (Garbled, ValueError, KeyError, TypeError, RecursionError):
        raise UnreadableFile("The file could not be read.") from None
