"""Where files are read: outside of any transaction, a few at a time, in processes that are killed.

The rules read every file. A language model, where the server has one and the organization allows
it, is asked only when they found little: it sees an excerpt and answers with columns and rows,
never with values, and what follows from its answer is read from the file by the same rules.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import structlog

from titer.domain.extraction.errors import UnreadableFile
from titer.domain.extraction.mapping import MappingRefused, parse_mapping, schema
from titer.domain.extraction.sandbox import Child, Study, study_in_child
from titer.domain.extraction.values import Extraction
from titer.domain.uploads.errors import UnreadableUpload
from titer.domain.uploads.rules import is_weak
from titer.domain.uploads.service import Surroundings
from titer.kit.errors import RateLimited, Unavailable

AT_ONCE = 2
PATIENCE_SECONDS = 20.0
_RETRY_AFTER = 5
_ATTEMPTS = 2

_log = structlog.get_logger("titer.uploads")


class ModelFailed(Exception):
    """The language model gave no answer that can be used; the words say why, and no cell's text."""


class LanguageModel(Protocol):
    """Somebody who can be shown an excerpt and answers with a document."""

    @property
    def name(self) -> str: ...

    async def ask(self, excerpt: str, schema: dict[str, Any]) -> Any:
        """The answer's JSON document. Raises `ModelFailed`."""
        ...


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was sent."""

    data: bytes
    name: str
    hint: str | None = None


#: Who bears names that no open work has: a wider world, or the same one.
Further = Callable[[Surroundings, Sequence[str]], Awaitable[Surroundings]]


@dataclass(slots=True)
class _Queue:
    """The files of one organization: one is read at a time."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class ReadingRoom:
    """Reads files: two at a time in this process, one at a time for an organization."""

    def __init__(
        self,
        model: LanguageModel | None = None,
        *,
        at_once: int = AT_ONCE,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._model = model
        self._patience = patience
        self._seats = asyncio.Semaphore(at_once)
        self._queues: dict[int, _Queue] = {}
        self._open = False
        self._ahead: asyncio.Task[Child] | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """While the block lasts, a process is kept ready, which spares a file its start."""
        self._open = True
        self._start_ahead()
        try:
            yield
        finally:
            self._open = False
            if self._ahead is not None:
                child, self._ahead = await self._ahead, None
                await child.stop()

    async def read(
        self, file: File, around: Surroundings, further: Further | None = None
    ) -> tuple[Extraction, Surroundings]:
        """The results that a file holds, and what it was read in at last.

        `further` is asked who the file's strangers are. Raises `UnreadableUpload`; `RateLimited`
        when the organization's earlier files take too long, and `Unavailable` when everybody's do.
        """
        async with self._turn(around.organization_id):
            try:
                return await self._read(file, around, further)
            except UnreadableFile as error:
                raise UnreadableUpload(error.sentence) from error

    @asynccontextmanager
    async def _turn(self, organization_id: int) -> AsyncIterator[None]:
        queue = self._queues.setdefault(organization_id, _Queue())
        queue.waiting += 1
        try:
            own = RateLimited(
                "Another file of your organization is still being read. Please retry.",
                retry_after=_RETRY_AFTER,
            )
            everybodys = Unavailable(
                "Too many instrument files are being read. Please retry.", retry_after=_RETRY_AFTER
            )
            async with (
                _patiently(queue.lock, self._patience, own),
                _patiently(self._seats, self._patience, everybodys),
            ):
                yield
        finally:
            queue.waiting -= 1
            if not queue.waiting:
                del self._queues[organization_id]

    async def _read(
        self, file: File, around: Surroundings, further: Further | None
    ) -> tuple[Extraction, Surroundings]:
        model = self._model if around.allow_language_model else None
        study = await self._study(file, around, with_excerpt=model is not None)
        if further is not None and study.extraction.strangers:
            wider = await further(around, study.extraction.strangers)
            if wider is not around:
                around = wider
                study = await self._study(file, around, with_excerpt=model is not None)
        if model is None or study.excerpt is None or not is_weak(study.extraction):
            return study.extraction, around
        return await self._advised(file, around, model, study), around

    async def _advised(
        self, file: File, around: Surroundings, model: LanguageModel, study: Study
    ) -> Extraction:
        """What a file holds by the word of the language model too."""
        found = study.extraction
        assert study.excerpt is not None
        mapping = await _ask(model, study.excerpt)
        if mapping is None:
            return found
        try:
            second = await self._study(file, around, mapping=mapping)
        except UnreadableFile:  # the same file was read a moment ago: the mapping is at fault
            return found
        return replace(second.extraction, extractor=f"{found.extractor}+{model.name}")

    async def _study(self, file: File, around: Surroundings, **task: Any) -> Study:
        child = await self._take_child()
        try:
            return await study_in_child(
                file.data, file.name, around.world, file.hint, child=child, **task
            )
        finally:
            self._start_ahead()

    async def _take_child(self) -> Child | None:
        """The process that was started ahead, unless another file took it or it has died."""
        ahead, self._ahead = self._ahead, None
        child = None if ahead is None else await ahead
        return child if child is not None and child.waits else None

    def _start_ahead(self) -> None:
        if self._open and self._ahead is None:
            self._ahead = asyncio.create_task(Child.start())


@asynccontextmanager
async def _patiently(
    turn: asyncio.Lock | asyncio.Semaphore, seconds: float, refusal: Exception
) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            await turn.acquire()
    except TimeoutError:
        raise refusal from None
    try:
        yield
    finally:
        turn.release()


async def _ask(model: LanguageModel, excerpt: str) -> Any:
    """The model's mapping, after a second attempt where the first was of no use; None after two."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            document = await model.ask(excerpt, schema())
            parse_mapping(document)
        except (ModelFailed, MappingRefused) as failure:
            _log.warning(
                "language model of no use", model=model.name, attempt=attempt, why=str(failure)
            )
        else:
            return document
    return None
