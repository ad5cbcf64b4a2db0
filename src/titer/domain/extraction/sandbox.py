"""The parent's side: a file is read in a child process that can be killed."""

import asyncio
import contextlib
import json
import sys
from pathlib import Path

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


def _request(data: bytes, file_name: str, world: World, hint: str | None) -> bytes:
    packed = pack_world(world, file_name, hint)
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
    if len(data) > MAX_BYTES:
        raise UnreadableFile(f"The file is larger than {MAX_BYTES // (1024 * 1024)} MiB.")
    request = await asyncio.to_thread(_request, data, file_name, world, hint)
    ready = child if child is not None else await Child.start()
    answer = await ready.ask(request, wall_seconds)
    return await asyncio.to_thread(_understand, answer, world)


def _understand(answer: bytes, world: World) -> Extraction:
    try:
        document = json.loads(answer)
        if "unreadable" in document:
            raise UnreadableFile(str(document["unreadable"])[:500])
        return unpack_extraction(document["extraction"], world)
    except (Garbled, ValueError, KeyError, TypeError, RecursionError):
        raise UnreadableFile("The file could not be read.") from None
