"""The composition root: the only module that names every face."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp, Receive, Scope, Send

from titer.domain.audit import service as audit
from titer.domain.keys.service import KeyUses
from titer.kit.clock import Clock, SystemClock
from titer.kit.db.engine import Database
from titer.kit.web.faces import Faces
from titer.kit.web.middleware import AccessLog, LastResort, RequestId
from titer.kit.web.rate_limit import FailedAuthentications, RateLimit, Rates, Refuse
from titer.kit.windows import Limit, MemoryWindows, SharedWindows, Windows
from titer.settings import Settings
from titer.surfaces.settings import face as settings_face
from titer.surfaces.v1 import face as v1
from titer.surfaces.v1 import wire


def open_database(settings: Settings, clock: Clock | None = None) -> Database:
    """The records, as the server's role, with the audit trail kept."""
    return Database(
        settings.database_url.get_secret_value(),
        clock=clock or SystemClock(),
        keeper=audit.keep,
        pool_size=settings.db_pool_size,
        pooler=settings.db_pooler,
        timeout=settings.db_timeout,
    )


def open_windows(settings: Settings) -> Windows:
    """Where requests are counted: in this process, or on a server for all of them."""
    if settings.valkey_url is None:
        return MemoryWindows()
    return SharedWindows(settings.valkey_url.get_secret_value(), MemoryWindows())


class Titer:
    """The server: every face behind the few things that all of them share."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.database = open_database(settings, clock)
        self.uses = KeyUses()
        self.windows = open_windows(settings)
        self.failures = MemoryWindows()
        self.lab = v1.build(self.database, self.uses)
        self.office = settings_face.build(self.database)
        rates = v1.rates(per_key=settings.rate_limit, uploads=settings.upload_rate_limit)
        faces = Faces(
            [
                (v1.PREFIX, self._limited(self.lab, rates, wire.refuse)),
                (settings_face.PREFIX, self.office),
                (settings_face.AUTH_PREFIX, self.office),
            ],
            otherwise=self.lab,
        )
        app: ASGIApp = LastResort(faces, wire.refuse)
        app = AccessLog(app)
        self._app: ASGIApp = RequestId(app)

    def _limited(self, face: ASGIApp, rates: Rates, refuse: Refuse) -> ASGIApp:
        """A face behind the limit of each key, and that of failed authentications."""
        counted = RateLimit(face, rates=rates, windows=self.windows, refuse=refuse)
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
            yield
        finally:
            await self.uses.write_down(self.database)
            await self.windows.close()
            await self.database.close()


def create_app(settings: Settings | None = None, clock: Clock | None = None) -> Titer:
    """The ASGI application. Reads the settings from the environment unless they are given."""
    return Titer(settings or Settings(), clock)
