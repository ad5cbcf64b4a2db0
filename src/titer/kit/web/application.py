"""A face's FastAPI application: its own document, its own voice for whatever goes wrong."""

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from titer.kit.errors import Internal, MethodNotAllowed, NotFound, PayloadTooLarge, Problem
from titer.kit.web.publication import Publication, publish
from titer.kit.web.visits import Face

# ruff: noqa: TID251 - Starlette's own refusals are caught here, and nowhere raised

_BY_STATUS: dict[int, type[Problem]] = {405: MethodNotAllowed, 413: PayloadTooLarge}


class UnknownPath(NotFound):
    """A path that this face does not have: said in the words of the face's 404."""

    message = "There is no such path here."


def make(
    face: Face,
    *,
    prefix: str,
    title: str,
    version: str,
    description: str,
    refusals: type[BaseModel],
    publication: Publication | None = None,
) -> FastAPI:
    """An application that answers in `face`'s voice, with its document at `prefix`.

    `refusals` is what the document says that every refusal looks like.
    """
    app = FastAPI(
        title=title,
        version=version,
        description=description,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{prefix}/openapi.json",
        redirect_slashes=False,
    )
    app.state.face = face
    publish(app, refusals, publication)

    async def refuse(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        problem = _BY_STATUS.get(error.status_code, UnknownPath)()
        response = face.refuse(request, problem)
        if isinstance(problem, MethodNotAllowed):
            response.headers["Allow"] = ", ".join(sorted(_methods(app, request)))
        return response

    async def give_up(request: Request, _error: Exception) -> Response:
        return face.refuse(request, Internal())

    app.add_exception_handler(HTTPException, refuse)
    app.add_exception_handler(Exception, give_up)
    return app


def _methods(app: FastAPI, request: Request) -> set[str]:
    """Every method that the path answers, over all the routes that share it."""
    found: set[str] = set()
    for route in app.routes:
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return found
