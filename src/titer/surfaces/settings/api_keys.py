"""`/api-keys`: mint, list and revoke the keys of the organization's integrations."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Annotated, Any, ClassVar

from fastapi import Query
from pydantic import AfterValidator, Field
from slowapi import Limiter
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.keys import models, service
from titer.domain.keys.repository import ApiKeys
from titer.domain.keys.rules import Scope
from titer.kit.errors import InvalidBody, InvalidId, NotFound, RateLimited
from titer.kit.web.answers import CAMEL, MomentOut, answer, one_of
from titer.kit.web.door import Operations
from titer.kit.web.fields import Moment, PathId, QueryId, Text
from titer.surfaces.settings.access import ADMINISTRATOR, Calling, Office, operations
from titer.surfaces.settings.limits import MINTED_PER_MINUTE, person_of
from titer.surfaces.settings.wire import Body, Page, Paged, page, shown


class KeyQuery(Paged):
    """Which keys are wanted."""

    created_by: QueryId | None = Field(
        default=None, description="The id of the user who made the key."
    )


def _no_scope_twice(scopes: list[Scope]) -> list[Scope]:
    if len(set(scopes)) != len(scopes):
        raise ValueError("must not name a scope twice")
    return scopes


Scopes = Annotated[list[Scope], Field(min_length=1), AfterValidator(_no_scope_twice)]


class NewKey(Body):
    """A key to mint: with every scope unless it names some, for ever unless it expires."""

    model_config = shown({"name": "Integration server", "scopes": ["read", "write"]})

    name: Text
    scopes: Scopes | None = None
    expires_at: Moment | None = Field(default=None, description="Must lie in the future.")


@dataclass(slots=True)
class ApiKey:
    """An API key, of which only the beginning can be shown. `lastUsedAt` is true to a minute."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    name: str
    key_prefix: str
    created_by: int
    created_at: MomentOut
    last_used_at: MomentOut | None
    revoked_at: MomentOut | None
    scopes: list[Annotated[str, one_of(Scope)]]
    expires_at: MomentOut | None


@dataclass(slots=True)
class MintedKey(ApiKey):
    """A key just minted. `rawKey` is shown in this answer and never again."""

    __pydantic_config__: ClassVar = CAMEL

    raw_key: str


def told(kind: type[Any], key: models.ApiKey, last_used_at: datetime | None, **beside: Any) -> Any:
    """A key as an answer's type shows it; `beside` is what the key's row does not say so."""
    beside["last_used_at"] = last_used_at
    own = (field.name for field in fields(kind) if field.name not in beside)
    return kind(**{name: getattr(key, name) for name in own}, **beside)


def _shown(kind: type[Any], key: models.ApiKey, used: datetime | None, **beside: Any) -> Any:
    return told(kind, key, used, scopes=key.scopes.split(), **beside)


keys = operations("API keys")


@keys.add("GET", "/api-keys", needs=ADMINISTRATOR, answers=Page[ApiKey])
async def list_api_keys(
    request: Request, office: Office, query: Annotated[KeyQuery, Query()]
) -> Response:
    """List the organization's API keys, newest first, revoked ones too."""
    found = await ApiKeys(office).matching(query.window(), created_by=query.created_by)
    uses: Mapping[int, datetime] = await ApiKeys(office).last_uses([key.id for key in found.rows])
    return page(request, ApiKey, found, lambda key: _shown(ApiKey, key, uses.get(key.id)))


@keys.add(
    "GET",
    "/api-keys/{key_id}",
    needs=ADMINISTRATOR,
    answers=ApiKey,
    refuses=(InvalidId, NotFound),
)
async def get_api_key(office: Office, key_id: PathId) -> Response:
    """Retrieve one API key."""
    return await _answer(office, await ApiKeys(office).get(key_id))


@keys.add(
    "DELETE",
    "/api-keys/{key_id}",
    needs=ADMINISTRATOR,
    answers=ApiKey,
    refuses=(InvalidId, InvalidBody, NotFound),
)
async def revoke_api_key(office: Office, key_id: PathId) -> Response:
    """Revoke an API key, at once and for good. Again: nothing changes."""
    return await _answer(office, await service.revoke(office, key_id))


def minting(limiter: Limiter) -> Operations:
    """The operation whose answer holds a secret."""
    mint = operations("API keys")

    @mint.add(
        "POST",
        "/api-keys",
        needs=ADMINISTRATOR,
        answers=MintedKey,
        status=201,
        refuses=(InvalidBody, RateLimited),
    )
    @limiter.limit(f"{MINTED_PER_MINUTE}/minute", key_func=person_of)
    async def create_api_key(
        request: Request,  # noqa: ARG001 - the limiter looks for it by this name
        caller: Calling,
        body: NewKey,
    ) -> Response:
        """Mint an API key. Its text, `rawKey`, is in this answer and nowhere else."""
        key, raw = await service.mint_as(
            caller.session,
            caller.person.role,
            name=body.name,
            created_by=caller.person.user_id,
            scopes=tuple(Scope) if body.scopes is None else body.scopes,
            expires_at=body.expires_at,
        )
        return answer(
            MintedKey,
            _shown(MintedKey, key, None, raw_key=raw),
            201,
            {"Location": f"/api/settings/api-keys/{key.id}"},
        )

    return mint


async def _answer(office: Office, key: models.ApiKey) -> Response:
    uses = await ApiKeys(office).last_uses([key.id])
    return answer(ApiKey, _shown(ApiKey, key, uses.get(key.id)))
