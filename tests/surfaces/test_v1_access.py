"""Who is let in: the forms of a key, its life, its scopes, and the plan behind it."""

from datetime import timedelta

import pytest
from httpx2 import Response
from sqlalchemy import select

from evidence import ABSENT, at_once, refusal, statements
from laboratory import Laboratory, MovableClock, World
from titer.domain.keys.rules import Scope
from titer.domain.keys.service import mint, revoke
from titer.domain.organizations.models import Organization
from titer.kit import tokens
from titer.kit.tenancy import TenantSession


@pytest.fixture(scope="module")
def lab(world: World) -> Laboratory:
    """One laboratory for the whole module: no test here looks at what another left."""
    return world.found("Aqua Laboratory")


def whoami(lab: Laboratory, *authorization: str) -> Response:
    headers = [("Authorization", each) for each in authorization] + [("X-Request-Id", "same")]
    return lab.world.http.get("/api/v1/whoami", headers=headers)


def unauthorized(answer: Response) -> bytes:
    assert refusal(answer) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    return answer.content


def test_whoami_tells_the_key_its_organization_and_its_scopes(lab: Laboratory) -> None:
    assert lab.get("/whoami").json() == {
        "ok": True,
        "organizationId": lab.id,
        "keyId": lab.key_id,
        "userId": lab.user_id,
        "version": "v1",
        "scopes": ["read", "write", "verify"],
    }


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer "])
def test_the_scheme_is_bearer_in_any_case(lab: Laboratory, scheme: str) -> None:
    assert whoami(lab, f"{scheme} {lab.key}").status_code == 200


def test_every_key_that_does_not_open_is_answered_in_the_same_words(lab: Laboratory) -> None:
    key = lab.key
    typo = key[:-1] + ("a" if key[-1] != "a" else "b")
    unknown = tokens.mint("lk_")
    answers = [
        whoami(lab),
        *(
            whoami(lab, written)
            for written in (
                "",
                "Bearer",
                "Bearer ",
                key,
                f"Basic {key}",
                f"Token {key}",
                f"Bearer{key}",
                f"Bearer {key} {key}",
                f"Bearer {key},",
                f'Bearer "{key}"',
                f"Bearer {typo}",
                f"Bearer {key[:-1]}",
                f"Bearer {key}a",
                f"Bearer {key.swapcase()}",
                f"Bearer {key[3:]}",
                f"Bearer ls_{key[3:]}",
                f"Bearer {tokens.mint('ls_')}",
                f"Bearer {unknown}",
                "Bearer lk_' OR 1=1 --",
                "Bearer " + "x" * 5_000,
            )
        ),
        whoami(lab, f"Bearer {unknown}", f"Bearer {key}"),
    ]
    assert len({unauthorized(answer) for answer in answers}) == 1


def test_a_key_in_the_address_opens_nothing(lab: Laboratory) -> None:
    for name in ("key", "api_key", "access_token", "token"):
        unauthorized(lab.world.http.get(f"/api/v1/whoami?{name}={lab.key}"))


def test_a_key_that_is_malformed_dies_before_the_database(lab: Laboratory) -> None:
    with statements(lab.world) as seen:
        unauthorized(whoami(lab, f"Bearer {lab.key[:-1]}!"))
        unauthorized(whoami(lab))
    assert seen == []


def test_a_revoked_key_stops_at_once(lab: Laboratory) -> None:
    async def work(session: TenantSession) -> tuple[int, str]:
        key, raw = await mint(session, name="short-lived", created_by=lab.user_id)
        return key.id, raw

    key_id, raw = lab.do(work)
    assert whoami(lab, f"Bearer {raw}").status_code == 200
    first = lab.do(lambda session: revoke(session, key_id)).revoked_at
    unauthorized(whoami(lab, f"Bearer {raw}"))
    assert lab.do(lambda session: revoke(session, key_id)).revoked_at == first


def test_a_key_opens_until_the_instant_it_expires_at(lab: Laboratory, clock: MovableClock) -> None:
    clock.set("2026-06-18T09:12:00.000Z")

    async def work(session: TenantSession) -> str:
        expiry = session.now + timedelta(milliseconds=2)
        _, raw = await mint(session, name="x", created_by=lab.user_id, expires_at=expiry)
        return raw

    raw = lab.do(work)
    for moment, status in (("00.001", 200), ("00.002", 401), ("00.003", 401)):
        clock.set(f"2026-06-18T09:12:{moment}Z")
        assert whoami(lab, f"Bearer {raw}").status_code == status


def test_a_plan_without_api_access_is_answered_like_an_unknown_key(world: World) -> None:
    free = world.found("Free laboratory", plan="free")
    unknown = unauthorized(whoami(free, f"Bearer {tokens.mint('lk_')}"))
    assert unauthorized(whoami(free, f"Bearer {free.key}")) == unknown
    for method, path in (("GET", "/samples"), ("POST", "/samples"), ("GET", f"/samples/{ABSENT}")):
        unauthorized(free.request(method, path))

    async def upgrade(session: TenantSession) -> None:
        (await session.scalars(select(Organization))).one().plan = "starter"

    free.do(upgrade)
    assert free.get("/whoami").status_code == 200


ROUTES = [
    ("GET", "/whoami", Scope.READ),
    ("GET", "/samples", Scope.READ),
    ("GET", f"/samples/{ABSENT}", Scope.READ),
    ("GET", f"/samples/{ABSENT}/approvals", Scope.READ),
    ("GET", "/sample-tests", Scope.READ),
    ("GET", f"/sample-tests/{ABSENT}", Scope.READ),
    ("GET", f"/sample-tests/{ABSENT}/history", Scope.READ),
    ("GET", f"/approval-records/{ABSENT}", Scope.READ),
    ("POST", "/samples", Scope.WRITE),
    ("PATCH", f"/samples/{ABSENT}", Scope.WRITE),
    ("PATCH", f"/samples/{ABSENT}/status", Scope.WRITE),
    ("POST", "/samples/receive", Scope.WRITE),
    ("PATCH", f"/sample-tests/{ABSENT}", Scope.WRITE),
    ("POST", "/sample-tests/bulk-results", Scope.WRITE),
    ("POST", f"/samples/{ABSENT}/report", Scope.VERIFY),
    ("POST", f"/sample-tests/{ABSENT}/verify", Scope.VERIFY),
    ("PATCH", f"/approval-records/{ABSENT}", Scope.VERIFY),
]


@pytest.fixture(scope="module")
def keys(lab: Laboratory) -> dict[Scope, str]:
    """A key for each scope alone."""
    return {scope: lab.another_key(scope) for scope in Scope}


@pytest.mark.parametrize(("method", "path", "needs"), ROUTES)
def test_a_route_wants_its_own_scope_before_it_looks_at_anything_else(
    lab: Laboratory, keys: dict[Scope, str], method: str, path: str, needs: Scope
) -> None:
    for scope, key in keys.items():
        answer = lab.request(
            method, path, json={"nonsense": 1}, headers={"Authorization": f"Bearer {key}"}
        )
        if scope is needs:
            assert answer.status_code in {200, 400, 404}
        else:
            assert refusal(answer) == (403, "insufficient_scope")
            assert answer.json()["requiredScope"] == needs
            assert "www-authenticate" not in answer.headers


def test_every_route_wants_a_key_and_only_the_discovery_does_not(lab: Laboratory) -> None:
    listed = lab.world.http.get("/api/v1").json()["endpoints"]
    assert len(listed) > len(ROUTES)
    for endpoint in listed:
        path = endpoint["path"].replace(":id", "1")
        answer = lab.world.http.request(endpoint["method"], path)
        assert answer.status_code == (200 if path == "/api/v1" else 401), endpoint


def test_a_key_that_is_used_costs_no_write(lab: Laboratory) -> None:
    with statements(lab.world) as seen:
        for _ in range(3):
            lab.get("/whoami")
    assert not any(each.lstrip().startswith(("INSERT", "UPDATE")) for each in seen)
    assert sum("SELECT" in each for each in seen) == 3


def test_a_key_works_for_many_requests_at_once(lab: Laboratory) -> None:
    answers = at_once(lab, [("GET", "/whoami", None)] * 40)
    assert {answer.content for answer in answers} == {lab.get("/whoami").content}
