"""Discovery and identity: what the API offers, and who is calling."""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from titer.kit.web.answers import CAMEL, answer
from titer.surfaces.v1 import examples
from titer.surfaces.v1.access import READ, Calling, operations

identity = operations("Identity")


@dataclass(slots=True)
class WhoAmI:
    """The calling key: its organization, its own id, the user who made it, what it may do."""

    __pydantic_config__: ClassVar = CAMEL

    ok: bool
    organization_id: int
    key_id: int
    user_id: int
    version: str
    scopes: list[str]


@dataclass(slots=True)
class Endpoint:
    """A route of this API; the path spells parameters as `:id`."""

    method: str
    path: str
    description: str


@dataclass(slots=True)
class Discovery:
    """The API's name and version, and all its routes."""

    name: str
    version: str
    endpoints: list[Endpoint]


@identity.add("GET", "/whoami", needs=READ, answers=WhoAmI, examples=examples.WHOAMI)
async def whoami(caller: Calling) -> Response:
    """The calling key's organization, key id and user id."""
    key = caller.key
    scopes = [str(scope) for scope in sorted(key.scopes, key=list(type(READ)).index)]
    return answer(
        WhoAmI,
        WhoAmI(True, key.organization_id, key.key_id, key.user_id, "v1", scopes),  # noqa: FBT003 - the seed's `ok`
    )


async def discover(request: Request) -> Response:
    """The name, the version, and the full list of endpoints. Needs no key."""
    return answer(Discovery, Discovery("Titer Lab API", "v1", endpoints_of(request.app)))


@cache
def endpoints_of(app: FastAPI) -> list[Endpoint]:
    """Every published route, from the routes themselves."""
    found: list[Endpoint] = []
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            path = _spell(route.path)
            found += [
                Endpoint(method, path, f"{route.summary}.")
                for method in sorted(route.methods or ())
            ]
    return found


def _spell(path: str) -> str:
    parts = path.split("/")
    return "/".join(":id" if part.startswith("{") else part for part in parts)
