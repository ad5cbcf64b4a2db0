"""Every role against every route of the settings, and the published document."""

import re
from typing import Any

import pytest

from laboratory import Laboratory, World
from titer.domain.keys.service import mint
from titer.domain.people.rules import Role
from titer.domain.reference.models import CustomField
from titer.domain.uploads.models import ExtractionAlias
from titer.domain.webhooks.service import add_endpoint
from titer.kit.tenancy import TenantSession

ROUTES: list[tuple[str, str, Any, int]] = [
    ("GET", "/api-keys", None, 200),
    ("POST", "/api-keys", {"name": "LIMS"}, 201),
    ("GET", "/api-keys/{key}", None, 200),
    ("DELETE", "/api-keys/{key}", None, 200),
    ("GET", "/results-keys", None, 200),
    ("POST", "/results-keys", {"name": "Portal", "clientId": "own client"}, 201),
    ("GET", "/results-keys/{results_key}", None, 200),
    ("DELETE", "/results-keys/{results_key}", None, 200),
    ("GET", "/custom-fields", None, 200),
    ("POST", "/custom-fields", {"resource": "test", "key": "shade", "name": "Shade"}, 201),
    ("GET", "/custom-fields/{custom_field}", None, 200),
    ("PATCH", "/custom-fields/{custom_field}", {"name": "Renamed"}, 200),
    ("GET", "/webhooks", None, 200),
    ("POST", "/webhooks", {"url": "https://hooks.example.org/"}, 201),
    ("GET", "/webhooks/{webhook}", None, 200),
    ("PATCH", "/webhooks/{webhook}", {"active": False}, 200),
    ("POST", "/webhooks/{webhook}/rotate-secret", None, 200),
    ("POST", "/webhooks/{webhook}/test", None, 200),
    ("POST", "/webhooks/{webhook}/replay", {"after": 0}, 200),
    ("GET", "/webhooks/{webhook}/deliveries", None, 200),
    ("GET", "/users", None, 200),
    (
        "POST",
        "/users",
        {"email": "x@y.example", "name": "X", "role": "reviewer", "password": "long enough"},
        201,
    ),
    ("GET", "/users/{user}", None, 200),
    ("PATCH", "/users/{user}", {"name": "Renamed"}, 200),
    ("GET", "/organization", None, 200),
    ("PATCH", "/organization", {"requireSecondPerson": True}, 200),
    ("GET", "/material-types", None, 200),
    ("POST", "/material-types", {"code": "AIR", "name": "Air"}, 201),
    ("GET", "/material-types/{material_type}", None, 200),
    ("PATCH", "/material-types/{material_type}", {"name": "Renamed"}, 200),
    ("GET", "/test-definitions", None, 200),
    ("POST", "/test-definitions", {"code": "ZN", "name": "Zinc"}, 201),
    ("GET", "/test-definitions/{test_definition}", None, 200),
    ("PATCH", "/test-definitions/{test_definition}", {"name": "Renamed"}, 200),
    ("GET", "/storage-locations", None, 200),
    ("POST", "/storage-locations", {"code": "F2", "name": "Fridge 2", "kind": "fridge"}, 201),
    ("GET", "/storage-locations/{storage_location}", None, 200),
    ("PATCH", "/storage-locations/{storage_location}", {"name": "Renamed"}, 200),
    ("GET", "/extraction-aliases", None, 200),
    ("DELETE", "/extraction-aliases/{extraction_alias}", None, 200),
]
#: Routes that administrators and reviewers sign: test_signatures.py walks the roles.
SIGNED: list[tuple[str, str]] = [
    ("POST", "/sample-tests/{sample_test}/verify"),
    ("POST", "/samples/{sample}/report"),
    ("PATCH", "/approval-records/{approval}"),
]
EVERYBODYS: list[tuple[str, str]] = [("GET", "/api/auth/me"), ("POST", "/api/auth/logout")]


def owned(body: Any, lab: Laboratory) -> Any:
    """The body with the laboratory's own client in it, where it names one."""
    return body | {"clientId": lab.has.client} if body and "clientId" in body else body


async def one_more(session: TenantSession, lab: Laboratory) -> tuple[int, int, int]:
    """A client's key, a custom field and a webhook, by id."""
    key, _ = await mint(session, name="x", created_by=lab.user_id, client_id=lab.has.client)
    field = CustomField(resource="sample", key=f"field_{key.id}", name="Field")
    session.add(field)
    hook = await add_endpoint(
        session, url="https://hooks.example.org/", description=None, client_id=None
    )
    hook.active = False  # nothing is ever sent there
    await session.flush()
    return key.id, field.id, hook.id


def in_lab(path: str, lab: Laboratory) -> str:
    results_key, custom_field, webhook = lab.do(lambda session: one_more(session, lab))
    return path.format(
        results_key=results_key,
        custom_field=custom_field,
        webhook=webhook,
        key=lab.key_id,
        user=lab.user_id,
        material_type=lab.has.water,
        test_definition=lab.has.ph,
        storage_location=lab.has.fridge,
        extraction_alias=learned(lab) if "extraction_alias" in path else None,
    )


def learned(lab: Laboratory) -> int:
    """The id of a name that has been learned from a file."""

    async def work(session: TenantSession) -> int:
        alias = ExtractionAlias(text="Pb", text_folded="pb", test_definition_id=lab.has.lead)
        session.add(alias)
        await session.flush()
        return alias.id

    return lab.do(work)


@pytest.mark.parametrize("role", Role)
def test_only_administrators_keep_the_settings(lab: Laboratory, role: Role) -> None:
    member = lab.member(role)
    administers = role in {Role.SYSTEM_ADMINISTRATOR, Role.ADMINISTRATOR}
    for method, path, body, status in ROUTES:
        whole = in_lab(path, lab)
        answer = member.request(method, whole, json=owned(body, lab))
        assert answer.status_code == (status if administers else 403), (method, path, answer.text)
        if not administers:
            assert answer.json()["error"] == "forbidden"
    for method, path in EVERYBODYS:
        assert member.request(method, path).status_code == 200


def nameless(path: str) -> str:
    return re.sub(r"{\w+}", "{}", path)


def test_every_route_is_listed_above(world: World) -> None:
    document = world.http.get("/api/settings/openapi.json").json()
    published = {
        (method.upper(), nameless(path))
        for path, operations in document["paths"].items()
        for method in operations
    }
    listed = {(method, f"/api/settings{nameless(path)}") for method, path, _, _ in ROUTES}
    listed |= {(method, f"/api/settings{nameless(path)}") for method, path in SIGNED}
    assert published == listed | set(EVERYBODYS) | {("POST", "/api/auth/login")}


def test_without_a_token_nothing_opens(world: World) -> None:
    for method, path, body, _ in ROUTES:
        whole = "/api/settings" + re.sub(r"{\w+}", "1", path)
        assert world.http.request(method, whole, json=body).status_code == 401
    for method, path in EVERYBODYS:
        assert world.http.request(method, path).status_code == 401


def test_a_change_of_role_counts_from_the_next_request(lab: Laboratory) -> None:
    technician = lab.member("technician")
    assert technician.get("/users").status_code == 403
    lab.administrator().patch(f"/users/{technician.user_id}", {"role": "administrator"})
    assert technician.get("/users").status_code == 200


def test_an_unknown_path_is_refused_in_the_same_voice(world: World) -> None:
    for path in ("/api/settings", "/api/settings/nothing", "/api/auth", "/api/auth/login/"):
        refused = world.http.get(path)
        assert refused.status_code == 404
        assert refused.json()["error"] == "not_found"
