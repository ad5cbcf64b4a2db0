"""`/results-keys`: mint, list and revoke the keys that clients read their results with."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import Query
from pydantic import Field
from slowapi import Limiter
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.clients import service as clients
from titer.domain.keys import models, service
from titer.domain.keys.repository import ApiKeys
from titer.domain.keys.rules import Kind
from titer.kit.errors import InvalidBody, InvalidId, InvalidReference, NotFound, RateLimited
from titer.kit.web.answers import CAMEL, MomentOut, answer
from titer.kit.web.door import Operations
from titer.kit.web.fields import Id, Moment, PathId, QueryId, Text
from titer.surfaces.settings.access import ADMINISTRATOR, Calling, Office, operations
from titer.surfaces.settings.api_keys import told
from titer.surfaces.settings.limits import MINTED_PER_MINUTE, person_of
from titer.surfaces.settings.wire import Body, Page, Paged, page, shown


class ResultsKeyQuery(Paged):
    """Which keys are wanted."""

    client_id: QueryId | None = None


class NewResultsKey(Body):
    """A key for one of the clients: for ever unless it expires."""

    model_config = shown({"name": "Acme's portal", "clientId": 4})

    name: Text
    client_id: Id
    expires_at: Moment | None = Field(default=None, description="Must lie in the future.")


@dataclass(slots=True)
class ResultsKey:
    """A client's key, of which only the beginning can be shown. It opens the Results API only,
    for that client's orders, samples and tests."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    name: str
    key_prefix: str
    client_id: int
    created_by: int
    created_at: MomentOut
    last_used_at: MomentOut | None
    revoked_at: MomentOut | None
    expires_at: MomentOut | None


@dataclass(slots=True)
class MintedResultsKey(ResultsKey):
    """A key just minted. `rawKey` is shown in this answer and never again."""

    __pydantic_config__: ClassVar = CAMEL

    raw_key: str


keys = operations("Results keys")


@keys.add("GET", "/results-keys", needs=ADMINISTRATOR, answers=Page[ResultsKey])
async def list_results_keys(
    request: Request, office: Office, query: Annotated[ResultsKeyQuery, Query()]
) -> Response:
    """List the clients' keys, newest first, revoked ones too."""
    known = ApiKeys(office, Kind.RESULTS)
    found = await known.matching(query.window(), client_id=query.client_id)
    uses = await known.last_uses([key.id for key in found.rows])
    return page(request, ResultsKey, found, lambda key: told(ResultsKey, key, uses.get(key.id)))


@keys.add(
    "GET",
    "/results-keys/{results_key_id}",
    needs=ADMINISTRATOR,
    answers=ResultsKey,
    refuses=(InvalidId, NotFound),
)
async def get_results_key(office: Office, results_key_id: PathId) -> Response:
    """Retrieve one client's key."""
    return await _shown(office, await ApiKeys(office, Kind.RESULTS).get(results_key_id))


@keys.add(
    "DELETE",
    "/results-keys/{results_key_id}",
    needs=ADMINISTRATOR,
    answers=ResultsKey,
    refuses=(InvalidId, InvalidBody, NotFound),
)
async def revoke_results_key(office: Office, results_key_id: PathId) -> Response:
    """Revoke a client's key, at once and for good. Again: nothing changes."""
    return await _shown(office, await service.revoke(office, results_key_id, Kind.RESULTS))


def minting(limiter: Limiter) -> Operations:
    """The operation whose answer holds a secret."""
    mint = operations("Results keys")

    @mint.add(
        "POST",
        "/results-keys",
        needs=ADMINISTRATOR,
        answers=MintedResultsKey,
        status=201,
        refuses=(InvalidBody, InvalidReference, RateLimited),
    )
    @limiter.limit(f"{MINTED_PER_MINUTE}/minute", key_func=person_of)
    async def create_results_key(
        request: Request,  # noqa: ARG001 - the limiter looks for it by this name
        caller: Calling,
        body: NewResultsKey,
    ) -> Response:
        """Mint a key for a client. Its text, `rawKey`, is in this answer and nowhere else."""
        key, raw = await clients.mint_results_key(
            caller.session,
            client_id=body.client_id,
            name=body.name,
            created_by=caller.person.user_id,
            expires_at=body.expires_at,
        )
        return answer(
            MintedResultsKey,
            told(MintedResultsKey, key, None, raw_key=raw),
            201,
            {"Location": f"/api/settings/results-keys/{key.id}"},
        )

    return mint


async def _shown(office: Office, key: models.ApiKey) -> Response:
    uses = await ApiKeys(office, Kind.RESULTS).last_uses([key.id])
    return answer(ResultsKey, told(ResultsKey, key, uses.get(key.id)))
