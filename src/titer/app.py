"""The composition root: the only module that names every face."""

import gc
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from titer import __version__
from titer.domain.audit.sealing import Sealer
from titer.domain.audit.service import Trail
from titer.domain.keys.service import KeyUses
from titer.domain.uploads.reading import LanguageModel, ReadingRoom
from titer.domain.webhooks.sending import Postman
from titer.integrations.language_models import AnthropicModel, OpenAiModel
from titer.kit.background import repeating
from titer.kit.callouts import Callouts
from titer.kit.clock import Clock, SystemClock
from titer.kit.db.engine import Database
from titer.kit.draining import Drain
from titer.kit.web.faces import Faces
from titer.kit.web.middleware import AccessLog, LastResort, RequestId
from titer.kit.web.rate_limit import FailedAuthentications, RateLimit, Rates, Refuse
from titer.kit.web.routing import Routes
from titer.kit.windows import Limit, MemoryWindows, Windows
from titer.settings import Settings
from titer.surfaces.operations.documentation import Document
from titer.surfaces.operations.face import PROBES, OperationsFace
from titer.surfaces.operations.metrics import Measured, Metrics
from titer.surfaces.operations.readiness import Readiness
from titer.surfaces.results import face as results_face
from titer.surfaces.results import wire as results_wire
from titer.surfaces.settings import face as settings_face
from titer.surfaces.v1 import face as v1
from titer.surfaces.v1 import wire

#: A key's last use is told to this many seconds.
WRITE_DOWN_SECONDS = 60.0


def open_database(settings: Settings, clock: Clock | None = None) -> Database:
    """The records, as the server's role, with the audit trail kept."""
    return Database(
        settings.database_url.get_secret_value(),
        clock=clock or SystemClock(),
        keeper=Trail(),
        pool_size=settings.db_pool_size,
        pooler=settings.db_pooler,
        timeout=settings.db_timeout,
    )


def open_windows(settings: Settings) -> Windows:
    """Where requests are counted: in this process, or on a server for all of them."""
    if settings.valkey_url is None:
        return MemoryWindows()
    from titer.kit.windows.shared import SharedWindows  # noqa: PLC0415 - brings Valkey's client

    return SharedWindows(settings.valkey_url.get_secret_value(), MemoryWindows())


def open_language_model(settings: Settings) -> LanguageModel | None:
    """Who may be asked about instrument files that are hard to read; None unless one is named."""
    kinds = {"openai": OpenAiModel, "anthropic": AnthropicModel}
    kind = kinds.get(settings.llm_provider)
    if kind is None:
        return None
    key = settings.llm_api_key
    return kind(
        model=settings.llm_model or "",
        base_url=settings.llm_base_url or kind.base_url,
        api_key=key.get_secret_value() if key else "",
        timeout=settings.llm_timeout,
    )


@contextmanager
def settled_memory() -> Iterator[None]:
    """What was made while starting stays for good: the garbage collector need not look at it."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


class Titer:
    """The server: every face behind the few things that all of them share."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.database = open_database(settings, clock)
        self.uses = KeyUses()
        self.sealer = Sealer(self.database, settings.audit_anchor_file)
        self.windows = open_windows(settings)
        self.failures = MemoryWindows()
        self.room = ReadingRoom(open_language_model(settings))
        self.lab = v1.build(self.database, self.uses, self.room)
        callouts = Callouts(settings.webhook_allowed_hosts.split())
        self.postman = Postman(self.database, callouts)
        self.office = settings_face.build(
            self.database,
            callouts,
            sign_in_lasts=timedelta(hours=settings.session_hours),
            sign_in_limit=settings.sign_in_rate_limit,
        )
        self.results = results_face.build(self.database, self.uses)
        results = self._limited(
            self.results,
            results_face.rates(per_key=settings.results_rate_limit),
            results_wire.refuse,
        )
        rates = v1.rates(per_key=settings.rate_limit, uploads=settings.upload_rate_limit)
        self.drain = Drain(settings.drain_seconds)
        self.metrics = Metrics(self.database, __version__)
        faces = Faces(
            [
                (v1.PREFIX, self._limited(self.lab, rates, wire.refuse)),
                (settings_face.PREFIX, self.office),
                (settings_face.AUTH_PREFIX, self.office),
                *((prefix, results) for prefix in results_face.PREFIXES),
            ],
            otherwise=self._operations(
                [
                    Document("Lab API", self.lab),
                    Document("Results API", self.results),
                    Document("Settings", self.office),
                ]
            ),
        )
        app: ASGIApp = LastResort(faces, wire.refuse)
        app = Measured(app, self.metrics)
        app = AccessLog(app, quiet=PROBES)
        self._app: ASGIApp = RequestId(app)

    def _operations(self, documents: Sequence[Document]) -> ASGIApp:
        """Everything that no face answers; the documentation tells of `documents`."""
        return OperationsFace(
            version=__version__,
            documents=documents,
            readiness=Readiness(self.database, self.windows, self.drain),
            metrics=self.metrics,
            metrics_token=self.settings.metrics_token,
            refuse=wire.refuse,
        )

    def _limited(self, face: FastAPI, rates: Rates, refuse: Refuse) -> ASGIApp:
        """A face behind the limit of each key, and that of failed authentications."""
        counted = RateLimit(Routes(face), rates=rates, windows=self.windows, refuse=refuse)
        return FailedAuthentications(
            counted,
            limit=Limit("address", self.settings.failed_auth_limit),
            windows=self.failures,
            refuse=refuse,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self.running():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """From ready to stopped: the background work, and what must be written down at the end."""
        try:
            await self.windows.reachable()
            with self.drain.listening(), settled_memory():
                async with (
                    self.room.open(),
                    repeating(WRITE_DOWN_SECONDS, self._write_down),
                    repeating(self.settings.audit_seal_seconds, self._seal),
                    repeating(self.settings.webhook_seconds, self._post),
                    repeating(self.settings.audit_anchor_minutes * 60, self._anchor),
                ):
                    try:
                        yield
                    finally:
                        await self.postman.stop()
        finally:
            await self.windows.close()
            await self.database.close()

    async def _write_down(self) -> None:
        await self.uses.write_down(self.database)

    async def _post(self) -> None:
        await self.postman.begin()

    async def _seal(self) -> None:
        await self.sealer.seal_all()

    async def _anchor(self) -> None:
        await self.sealer.seal_all()
        await self.sealer.anchor()


def create_app(settings: Settings | None = None, clock: Clock | None = None) -> Titer:
    """The ASGI application. Reads the settings from the environment unless they are given."""
    return Titer(settings or Settings(), clock)
