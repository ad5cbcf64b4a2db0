"""`/api/auth`: signing in and out, over HTTP on both databases."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from laboratory import PASSWORD, Laboratory, MovableClock, World
from titer.app import create_app
from titer.domain.audit.repository import AuditEvents
from titer.domain.people import service
from titer.domain.people.repository import Users
from titer.domain.people.rules import Role
from titer.kit.tenancy import TenantSession

WRONG = "not the password at all"


def email_of(lab: Laboratory) -> str:
    return f"admin@lab{lab.id}.example"


def fail(lab: Laboratory, email: str, times: int, **fields: Any) -> list[Response]:
    return [lab.sign_in(email, WRONG, **fields) for _ in range(times)]


def test_a_person_signs_in_and_is_known_by_the_token(lab: Laboratory) -> None:
    signed_in = lab.sign_in(email_of(lab))
    body = signed_in.json()
    assert signed_in.status_code == 200
    assert body.keys() == {"token", "expiresAt", "user"}
    assert body["token"].startswith("ls_")
    assert body["user"] == {
        "id": lab.user_id,
        "email": email_of(lab),
        "name": "Ada Admin",
        "role": "administrator",
        "organizationId": lab.id,
    }
    assert lab.administrator().get("/api/auth/me").json() == body["user"]


def test_an_address_is_the_same_in_any_case(lab: Laboratory) -> None:
    assert lab.sign_in(f"  {email_of(lab).upper()} ").status_code == 200


def test_a_wrong_password_and_an_unknown_address_are_refused_alike(lab: Laboratory) -> None:
    wrong = lab.sign_in(email_of(lab), WRONG)
    unknown = lab.sign_in(f"nobody@lab{lab.id}.example", WRONG)
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.headers["www-authenticate"] == "Bearer"
    assert wrong.json()["error"] == "unauthorized"
    assert wrong.json() | {"requestId": ""} == unknown.json() | {"requestId": ""}
    assert wrong.headers.keys() == unknown.headers.keys()


def test_a_token_lasts_as_long_as_the_settings_say(lab: Laboratory, clock: MovableClock) -> None:
    clock.set("2026-06-18T09:00:00Z")
    administrator = lab.administrator()
    assert lab.sign_in(email_of(lab)).json()["expiresAt"] == "2026-06-18T21:00:00.000Z"
    clock.set("2026-06-18T20:59:59.999Z")
    assert administrator.get("/api/auth/me").status_code == 200
    clock.set("2026-06-18T21:00:00Z")
    assert administrator.get("/api/auth/me").status_code == 401


def test_signing_out_ends_that_token_alone(lab: Laboratory) -> None:
    here, there = lab.administrator(), lab.administrator()
    assert here.post("/api/auth/logout").json() == {"ok": True}
    assert here.get("/api/auth/me").status_code == 401
    assert here.post("/api/auth/logout").status_code == 401
    assert there.get("/api/auth/me").status_code == 200


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_five_failures_slow_an_address_down_whether_it_is_known_or_not(
    lab: Laboratory, clock: MovableClock, *, known: bool
) -> None:
    clock.set("2026-06-18T09:00:00Z")
    email = email_of(lab) if known else f"nobody@lab{lab.id}.example"
    assert [each.status_code for each in fail(lab, email, 6)] == [401] * 5 + [429]
    slowed = lab.sign_in(email, WRONG)
    assert slowed.json()["error"] == "rate_limited"
    assert slowed.headers["retry-after"] == "1"
    clock.advance(seconds=1)
    assert lab.sign_in(email, WRONG).status_code == 401
    assert lab.sign_in(email, WRONG).headers["retry-after"] == "2"


def test_the_right_password_does_not_help_while_an_account_is_slowed_down(
    lab: Laboratory, clock: MovableClock
) -> None:
    clock.set("2026-06-18T09:00:00Z")
    fail(lab, email_of(lab), 5)
    assert lab.sign_in(email_of(lab)).status_code == 429
    clock.advance(seconds=1)
    assert lab.sign_in(email_of(lab)).status_code == 200


def test_a_success_clears_the_failures(lab: Laboratory, clock: MovableClock) -> None:
    clock.set("2026-06-18T09:00:00Z")
    for _ in range(3):
        fail(lab, email_of(lab), 4)
        assert lab.sign_in(email_of(lab)).status_code == 200


def test_no_account_is_slowed_down_for_longer_than_a_quarter_of_an_hour(
    lab: Laboratory, clock: MovableClock
) -> None:
    clock.set("2026-06-18T09:00:00Z")
    for _ in range(20):
        lab.sign_in(email_of(lab), WRONG)
        clock.advance(minutes=15)
    lab.sign_in(email_of(lab), WRONG)
    assert lab.sign_in(email_of(lab)).headers["retry-after"] == "900"
    clock.advance(minutes=15)
    assert lab.sign_in(email_of(lab)).status_code == 200


def test_a_day_without_a_failure_starts_afresh(lab: Laboratory, clock: MovableClock) -> None:
    clock.set("2026-06-18T09:00:00Z")
    fail(lab, email_of(lab), 5)
    clock.advance(days=1, seconds=1)
    assert [each.status_code for each in fail(lab, email_of(lab), 5)] == [401] * 5


def test_guesses_made_at_once_cannot_outrun_the_count(lab: Laboratory, clock: MovableClock) -> None:
    clock.set("2026-06-18T09:00:00Z")
    with ThreadPoolExecutor(12) as threads:
        attempts = [threads.submit(lab.sign_in, email_of(lab), WRONG) for _ in range(12)]
        statuses = sorted(attempt.result().status_code for attempt in attempts)
    assert statuses == [401] * 5 + [429] * 7


def join(lab: Laboratory, email: str, password: str) -> int:
    """Make a user of this address in the laboratory; its id."""

    async def work(session: TenantSession) -> int:
        user = await service.create_user(session, email, "Both", Role.ADMINISTRATOR, password)
        return user.id

    return lab.do(work)


def test_one_address_in_two_organizations_enters_by_its_password(
    lab: Laboratory, rival: Laboratory
) -> None:
    email = f"both@lab{lab.id}.example"
    join(lab, email, "password of the first")
    join(rival, email, "password of the second")
    first = lab.sign_in(email, "password of the first").json()
    second = lab.sign_in(email, "password of the second").json()
    assert first["user"]["organizationId"] == lab.id
    assert second["user"]["organizationId"] == rival.id
    named = lab.sign_in(email, "password of the first", organizationId=rival.id)
    assert named.status_code == 401


def test_the_same_password_twice_asks_for_the_organization(
    lab: Laboratory, rival: Laboratory
) -> None:
    email = f"same@lab{lab.id}.example"
    join(lab, email, PASSWORD)
    join(rival, email, PASSWORD)
    asked = lab.sign_in(email)
    assert asked.status_code == 400
    assert asked.json()["error"] == "invalid_body"
    assert asked.json()["details"][0]["field"] == "organizationId"
    assert asked.json()["organizationIds"] == [lab.id, rival.id]
    chosen = lab.sign_in(email, organizationId=rival.id)
    assert chosen.json()["user"]["organizationId"] == rival.id
    wrong, unknown = lab.sign_in(email, WRONG), lab.sign_in("nobody@nowhere.example", WRONG)
    assert wrong.json() | {"requestId": ""} == unknown.json() | {"requestId": ""}


def test_knowing_one_of_two_passwords_does_not_clear_the_failures_of_the_other(
    lab: Laboratory, rival: Laboratory, clock: MovableClock
) -> None:
    clock.set("2026-06-18T09:00:00Z")
    email = f"target@lab{lab.id}.example"
    join(lab, email, "the target's own password")
    join(rival, email, "the attacker's password")
    fail(lab, email, 4)
    assert lab.sign_in(email, "the attacker's password").status_code == 200
    assert [each.status_code for each in fail(lab, email, 2)] == [401, 429]


def test_an_organization_named_in_vain_is_refused_as_a_wrong_password(
    lab: Laboratory, rival: Laboratory
) -> None:
    refused = lab.sign_in(email_of(lab), organizationId=rival.id)
    absent = lab.sign_in(email_of(lab), organizationId=2**62)
    assert refused.status_code == absent.status_code == 401
    assert refused.json() | {"requestId": ""} == absent.json() | {"requestId": ""}


def test_an_inactive_person_cannot_sign_in(lab: Laboratory) -> None:
    technician = lab.member("technician")
    lab.administrator().patch(f"/users/{technician.user_id}", {"active": False})
    assert lab.sign_in(technician.email).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "text",
        None,
        {"email": "a@b.example"},
        {"password": PASSWORD},
        {"email": "a@b.example", "password": PASSWORD, "remember": True},
        {"email": 7, "password": PASSWORD},
        {"email": ["a@b.example"], "password": PASSWORD},
        {"email": "", "password": PASSWORD},
        {"email": "a" * 321, "password": PASSWORD},
        {"email": "a@b.example", "password": 1234567890},
        {"email": "a@b.example", "password": None},
        {"email": "a@b.example", "password": ""},
        {"email": "a@b.example", "password": "p" * 257},
        {"email": "a@b.example", "password": PASSWORD, "organizationId": "1"},
        {"email": "a@b.example", "password": PASSWORD, "organizationId": True},
        {"email": "a@b.example", "password": PASSWORD, "organizationId": 0},
        {"email": "a@b.example", "password": PASSWORD, "organizationId": 2**63},
        {"email": "a\u0000@b.example", "password": PASSWORD},
        {"email": "\ud800@b.example", "password": PASSWORD},
    ],
    ids=repr,
)
def test_a_malformed_sign_in_is_a_bad_request_that_repeats_no_secret(
    world: World, body: object
) -> None:
    refused = world.http.post(
        "/api/auth/login",
        content=json.dumps(body),
        headers={"Content-Type": "application/json"},
    )
    assert refused.status_code == 400
    assert refused.json()["error"] == "invalid_body"
    assert PASSWORD not in refused.text
    assert "pppp" not in refused.text


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"email":"a","email":"b","password":"cccccccccc"}', "application/json", 400),
        (b'{"email":NaN,"password":1e999}', "application/json", 400),
        (b"email=a&password=b", "application/x-www-form-urlencoded", 415),
        (b"{" + b" " * 1_100_000, "application/json", 413),
    ],
    ids=["nothing", "half", "no text", "twice", "no number", "a form", "too large"],
)
def test_what_is_no_json_never_gets_as_far_as_a_password(
    world: World, content: bytes, media_type: str, status: int
) -> None:
    refused = world.http.post(
        "/api/auth/login", content=content, headers={"Content-Type": media_type}
    )
    assert refused.status_code == status


@pytest.mark.parametrize("odd", ["ẞ@b.example", "a@b", "'; --", "%", "😀@x.example", "\t", "a\rb"])
def test_any_text_is_taken_for_an_address_that_nobody_has(world: World, odd: str) -> None:
    refused = world.http.post("/api/auth/login", json={"email": odd, "password": PASSWORD})
    assert refused.status_code == 401


def test_signing_in_takes_no_query_and_no_other_method(world: World) -> None:
    assert world.http.post("/api/auth/login?next=/x", json={}).json()["error"] == "invalid_query"
    refused = world.http.get("/api/auth/login")
    assert refused.status_code == 405
    assert refused.headers["allow"] == "POST"


def test_a_broken_hash_refuses_rather_than_fails(lab: Laboratory) -> None:
    technician = lab.member("technician")

    async def break_it(session: TenantSession) -> None:
        user = await Users(session).get(technician.user_id)
        user.password_hash = "no hash at all"

    lab.do(break_it)
    assert lab.sign_in(technician.email).status_code == 401


def test_neither_face_takes_the_others_credential(lab: Laboratory) -> None:
    administrator = lab.administrator()
    with_token = {"Authorization": f"Bearer {administrator.token}"}
    assert lab.get("/samples", headers=with_token).status_code == 401
    for path in ("/api/settings/users", "/api/auth/me"):
        refused = lab.world.http.get(path, headers=lab.headers)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ls_", "Bearer ls_" + "0" * 40, "Basic YTpi", "ls_" + "0" * 40],
)
def test_a_token_that_is_none_is_refused(world: World, header: str) -> None:
    refused = world.http.get("/api/auth/me", headers={"Authorization": header})
    assert refused.status_code == 401
    assert refused.json()["error"] == "unauthorized"


def test_secrets_are_neither_in_the_trail_nor_in_the_logs(
    lab: Laboratory, capfd: pytest.CaptureFixture[str]
) -> None:
    administrator = lab.administrator()
    minted = administrator.post("/api-keys", {"name": "LIMS"}).json()
    created = administrator.post(
        "/users",
        {
            "email": f"new@lab{lab.id}.example",
            "name": "New",
            "role": "reviewer",
            "password": "a very secret password",
        },
    ).json()
    administrator.patch(f"/users/{created['id']}", {"password": "another secret password"})
    lab.sign_in(email_of(lab), WRONG)
    administrator.post("/api/auth/logout")

    async def trail(session: TenantSession) -> list[tuple[str, str]]:
        return [(event.action, event.canonical) for event in await AuditEvents(session).all()]

    events = lab.do(trail)
    actions = [action for action, _ in events]
    for expected in (
        "sign_in.started",
        "sign_in.ended",
        "api_key.minted",
        "user.created",
        "user.password_changed",
    ):
        assert expected in actions
    written = "".join(text for _, text in events) + "".join(capfd.readouterr())
    for secret in (
        administrator.token,
        minted["rawKey"],
        PASSWORD,
        WRONG,
        "secret password",
        "argon2",
    ):
        assert secret not in written


@contextmanager
def limited(world: World, attempts: int) -> Iterator[TestClient]:
    """A server on the same database, with this limit per network address."""
    settings = world.settings.model_copy(update={"sign_in_rate_limit": attempts})
    app = create_app(settings, world.clock)
    with TestClient(app, raise_server_exceptions=False) as http:
        yield http


def test_an_address_of_the_network_has_only_so_many_attempts(world: World, lab: Laboratory) -> None:
    with limited(world, attempts=3) as http:
        answers = [
            http.post(
                "/api/auth/login", json={"email": f"{n}@lab{lab.id}.example", "password": WRONG}
            )
            for n in range(4)
        ]
        assert [each.status_code for each in answers] == [401, 401, 401, 429]
        assert answers[3].json()["error"] == "rate_limited"
        assert answers[3].json()["requestId"] == answers[3].headers["x-request-id"]
        assert 1 <= int(answers[3].headers["retry-after"]) <= 60
    assert lab.sign_in(email_of(lab)).status_code == 200
