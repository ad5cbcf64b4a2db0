"""Everything outside the published faces: probes, metrics, documentation, and the 404."""

import hmac
from collections.abc import Awaitable, Callable, Sequence

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from titer.kit.errors import MethodNotAllowed, Problem, Unauthorized
from titer.kit.web.application import UnknownPath
from titer.surfaces.operations.documentation import ASSETS, Document, Documentation
from titer.surfaces.operations.metrics import CONTENT_TYPE, Metrics
from titer.surfaces.operations.readiness import Readiness

Refuse = Callable[[Request, Problem], Response]
Answer = Callable[[Request], Awaitable[Response]]
#: Paths that machines ask for all the time.
PROBES = frozenset({"/livez", "/readyz", "/metrics"})


class TokenRequired(Unauthorized):
    """The metrics are for those who hold the operator's token."""

    message = "This needs the operator's token: Authorization: Bearer ..."


class OperationsFace:
    """Answers to GET and HEAD at a few fixed paths."""

    def __init__(
        self,
        *,
        version: str,
        documents: Sequence[Document],
        readiness: Readiness,
        metrics: Metrics,
        metrics_token: SecretStr | None,
        refuse: Refuse,
    ) -> None:
        self._version = version
        self._documents = tuple(documents)
        self._documentation = Documentation(documents)
        self._readiness = readiness
        self._metrics = metrics
        self._token = metrics_token
        self._refuse = refuse
        self._answers: dict[str, tuple[str, Answer]] = {
            "/": ("root", self._root),
            "/livez": ("livez", self._livez),
            "/readyz": ("readyz", self._readyz),
            "/metrics": ("metrics", self._expose),
            "/docs": ("docs", self._docs),
            "/openapi.json": ("openapi", self._document),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except Problem as problem:
            response = self._refuse(request, problem)
            if isinstance(problem, MethodNotAllowed):
                response.headers["Allow"] = "GET, HEAD"
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        operation, answer = self._answers.get(path, ("", None))
        if answer is None:
            if not path.startswith(ASSETS):
                raise UnknownPath
            operation, answer = "docsAsset", self._asset
        request.scope.setdefault("state", {})["operation"] = operation
        if request.method not in {"GET", "HEAD"}:
            raise MethodNotAllowed
        return await answer(request)

    async def _root(self, request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("/docs", 307)
        faces = {document.name: document.url for document in self._documents}
        return JSONResponse(
            {"name": "Titer", "version": self._version, "documentation": "/docs", "apis": faces}
        )

    async def _livez(self, _request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def _readyz(self, _request: Request) -> Response:
        checked = await self._readiness.check()
        status = "ready" if checked.ready else "not_ready"
        return JSONResponse(
            {"status": status, "checks": checked.checks}, 200 if checked.ready else 503
        )

    async def _expose(self, request: Request) -> Response:
        if self._token is not None:
            wanted = f"Bearer {self._token.get_secret_value()}".encode()
            given = request.headers.get("authorization", "").encode()
            if not hmac.compare_digest(wanted, given):
                raise TokenRequired
        return Response(self._metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})

    async def _docs(self, _request: Request) -> Response:
        return self._documentation.page()

    async def _document(self, _request: Request) -> Response:
        return JSONResponse(self._documents[0].make())

    async def _asset(self, request: Request) -> Response:
        asset = self._documentation.find_asset(request.url.path)
        if asset is None:
            raise UnknownPath
        return asset
