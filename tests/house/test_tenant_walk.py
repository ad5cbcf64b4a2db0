"""Every route, every slot: a rival's record behaves exactly like one that never was.

Walked on SQLite, on PostgreSQL, on PostgreSQL with row-level security alone (the session's fence
taken down), and on PostgreSQL with the session's fence alone (as a superuser): each layer must be
enough by itself.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import BinaryExpression, event, true
from sqlalchemy.sql.visitors import replacement_traverse
from starlette.routing import BaseRoute

from house import walk
from house.walk import NEVER, Belongings, Slot
from laboratory import PASSWORD, Laboratory, Member, World, open_world
from titer.domain.keys.service import mint
from titer.domain.reference.models import (
    Analyte,
    CustomField,
    MaterialType,
    StorageLocation,
    TestDefinition,
)
from titer.domain.uploads.models import ExtractionAlias
from titer.domain.webhooks.service import add_endpoint
from titer.kit import owned, prepared, tenancy
from titer.kit.db.engine import Database
from titer.kit.tenancy import TenantSession

WALLS = ("sqlite", "postgresql", "row-level security alone", "the session's fence alone")


@pytest.fixture(scope="module", params=WALLS)
def walled(
    request: pytest.FixtureRequest, worker: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """The application behind one set of walls."""
    if request.param == "sqlite":
        with open_world(sqlite=tmp_path_factory.mktemp("walk") / "titer.db") as world:
            yield world
        return
    superuser: str = request.getfixturevalue("postgres_url")
    name = f"walk_{worker}_{WALLS.index(request.param)}"
    bypassing = request.param == "the session's fence alone"
    with open_world(superuser=superuser, name=name, as_superuser=bypassing) as world:
        if request.param != "row-level security alone":
            yield world
            return
        with session_fence_down():
            yield world


@contextmanager
def session_fence_down() -> Iterator[None]:
    """Sessions that add no tenant to any statement, and prepared statements that name none."""
    event.remove(tenancy._FencedSession, "do_orm_execute", tenancy._scope)
    build = prepared.Prepared._spelled_behind
    held: dict[prepared.Prepared, prepared.Prepared] = {}

    def loose(self: prepared.Prepared, lookup: Any, dialect: Any) -> Any:
        if self not in held:
            held[self] = copy(self)
            statement: Any = replacement_traverse(self.statement, {}, forgetting)
            held[self].statement = statement
            held[self]._spelled = {}
        return build(held[self], lookup, dialect)

    prepared.Prepared._spelled_behind = loose  # type: ignore[method-assign]
    try:
        yield
    finally:
        prepared.Prepared._spelled_behind = build  # type: ignore[method-assign]
        event.listen(tenancy._FencedSession, "do_orm_execute", tenancy._scope)


def forgetting(element: Any, **_words: Any) -> Any:
    """A comparison with the tenant holds for everybody."""
    sides = (getattr(element, "left", None), getattr(element, "right", None))
    named = any(getattr(side, "key", None) == prepared.TENANT_NAME for side in sides)
    return true() if isinstance(element, BinaryExpression) and named else None


def routes_of(face: FastAPI) -> list[APIRoute]:
    routes: list[BaseRoute] = list(face.routes)
    return [route for route in routes if isinstance(route, APIRoute) and "{" in route.path] + [
        route for route in routes if isinstance(route, APIRoute) and "{" not in route.path
    ]


#: What is made past the API, all of it together.
STOCKED = frozenset({
    "results_key", "custom_field", "webhook", "extraction_alias", "material_type",
    "test_definition", "analyte", "storage_location",
})  # fmt: skip
FURNITURE = STOCKED | {"client", "project", "product", "sku", "order", "sample"}
FURNITURE |= {"organization", "user", "key"}


class Furniture:
    """What a laboratory makes in one step: each kind when it is first asked for."""

    def __init__(self, lab: Laboratory) -> None:
        self._lab = lab
        self.ids = {"organization": lab.id, "user": lab.user_id, "key": lab.key_id}
        code, name = f"CODE-{lab.id}", f"Client <{lab.id}>"
        email = f"admin@lab{lab.id}.example"
        self.texts = {"code": code, "name": name, "email": email, "external_id": f"EXT-{lab.id}"}

    def of(self, kind: str) -> int:
        if kind in STOCKED and kind not in self.ids:
            code, name, lab = self.texts["code"], self.texts["name"], self._lab
            client = self.of("client")
            self.ids |= lab.do(
                lambda session: stock(session, code, name, user_id=lab.user_id, client_id=client)
            )
        if kind not in self.ids:
            self.ids[kind] = self._make(kind)
        return self.ids[kind]

    def _make(self, kind: str) -> int:
        code, name = self.texts["code"], self.texts["name"]
        external_id = self.texts["external_id"]
        if kind == "sample":
            sample = self._lab.sample(externalId=external_id)
            self.texts["tracking_id"] = sample["trackingId"]
            return int(sample["id"])
        body: dict[str, Any] = {"name": name, "code": code}
        if kind == "product":
            body = {"clientId": self.of("client"), "name": name}
        elif kind == "sku":
            body["productId"] = self.of("product")
        elif kind == "order":
            body = {"clientId": self.of("client"), "externalId": external_id}
        return int(self._lab.post(f"/{kind}s", body).json()["id"])

    def belongings(self, kinds: Iterable[str] = FURNITURE) -> Belongings:
        for kind in kinds:
            self.of(kind)
        return Belongings(self.ids, self.texts)


def belongings(lab: Laboratory) -> Belongings:
    """One of everything: what a laboratory has once it has worked, too."""
    own = Furniture(lab).belongings()
    sample = lab.sample("processing")
    lead = next(test for test in sample["tests"] if test["testCode"] == "LEAD")
    lab.enter(lead["id"], "0.5")
    lab.verify(lead["id"])
    (approval,) = lab.get(f"/samples/{sample['id']}/approvals").json()["data"]
    other = next(test for test in sample["tests"] if test["testCode"] == "PH")
    lab.enter(other["id"], "7.0")
    act = {"password": PASSWORD, "meaning": "seen"}
    signed = lab.administrator().post(f"/sample-tests/{other['id']}/verify", act)
    history = lab.get(f"/sample-tests/{lead['id']}/history").json()["data"]
    file = f"Sample ID,pH\n{sample['trackingId']},7.1\n".encode()
    options = {"dryRun": (None, b"true")}
    sent = lab.post("/instrument-uploads", files={"file": ("run.csv", file)} | options)
    ids = {
        "sample": sample["id"],
        "sample_test": lead["id"],
        "approval": approval["id"],
        "history": history[0]["id"],
        "instrument_upload": sent.json()["id"],
        "audit_event": lab.get("/audit-events?limit=1").json()["data"][0]["id"],
        "signature": signed.json()["id"],
    }
    return Belongings(own.ids | ids, own.texts)


async def stock(
    session: TenantSession, code: str, name: str, *, user_id: int, client_id: int
) -> dict[str, int]:
    material = MaterialType(code=code, name=name)
    definition = TestDefinition(code=code, name=name)
    location = StorageLocation(code=code, name=name, kind="shelf", path=code)
    session.add_all([material, definition, location])
    await session.flush()
    alias = ExtractionAlias(
        text=name, text_folded=name.casefold(), test_definition_id=definition.id
    )
    analyte = Analyte(test_definition_id=definition.id, code=code, name=name, position=1)
    session.add_all([alias, analyte])
    key, _ = await mint(session, name="x", created_by=user_id, client_id=client_id)
    field = CustomField(resource="sample", key=f"field_{definition.id}", name="Field")
    session.add(field)
    hook = await add_endpoint(
        session, url="https://hooks.example.org/", description=None, client_id=None
    )
    hook.active = False  # nothing is ever sent there
    await session.flush()
    return {
        "results_key": key.id,
        "custom_field": field.id,
        "webhook": hook.id,
        "extraction_alias": alias.id,
        "material_type": material.id,
        "test_definition": definition.id,
        "analyte": analyte.id,
        "storage_location": location.id,
    }


def call(
    caller: Laboratory | Member, slot: Slot, own: Belongings, value: object
) -> tuple[int, str, Any]:
    """The answer with `value` in the slot and the laboratory's own in every other."""
    path = slot.path
    for name in re.findall(r"{(\w+)}", path):
        here = value if (slot.where, slot.name) == ("path", name) else own.ids[walk.PATH[name]]
        path = path.replace(f"{{{name}}}", str(here))
    body = walk.own_body(slot.operation, own)
    if slot.where == "body":
        assert body is not None
        body = walk.put(body, slot.name, value)
    query = {slot.name: str(value)} if slot.where == "query" else {}
    if slot.name == "entityId":
        query["entityType"] = "sample"  # ids of different tables may be the same number
    if isinstance(caller, Laboratory):
        ask: Callable[..., Any] = partial(caller.world.http.request, headers=caller.headers)
    else:
        ask = caller.request
    answer = ask(slot.method, path, json=body, params=query)
    headers = {
        name: walk.masked(text, value)
        for name, text in answer.headers.items()
        if name not in {"x-request-id", "content-length", "date", "location", "etag"}
        and "ratelimit" not in name  # it counts the calls
    }
    said = answer.text.replace(answer.headers["x-request-id"], "REQUEST")
    return answer.status_code, walk.masked(said, value), headers


def call_as_newcomer(world: World, slot: Slot, value: str) -> tuple[int, str, Any]:
    newcomer = world.found("Newcomer")
    wanted = {walk.PATH[name] for name in re.findall(r"{(\w+)}", slot.path)}
    wanted |= walk.named_in_body(slot.operation)
    # A hundred laboratories need not be furnished in full.
    light = wanted <= FURNITURE
    own = Furniture(newcomer).belongings(wanted) if light else belongings(newcomer)
    return call(voice(newcomer, slot), slot, own, value)


def voice(lab: Laboratory, slot: Slot, known: dict[int, Member] | None = None) -> Any:
    """Who calls: the laboratory's key, or on the settings face its administrator, signed in."""
    if not slot.path.startswith(("/api/settings", "/api/auth")):
        return lab
    if known is None:
        return lab.administrator()
    return known.setdefault(lab.id, known.get(lab.id) or lab.administrator())


def slots_of(world: World) -> Iterator[Slot]:
    """Every slot of every face."""
    for face in (world.app.lab, world.app.office, world.app.results):
        yield from walk.slots(routes_of(face), face.openapi())


def walk_everywhere(walled: World) -> tuple[tuple[int, int], int]:
    """Put a rival's records into every slot. Asserts on the way.

    Tells how many operations have a slot, how many there are in all, and how many slots.
    """
    lab, rival = walled.found("Walker"), walled.found("Rival")
    rival.sample()  # so that no number of theirs happens to be ours
    own, theirs = belongings(lab), belongings(rival)
    # What the server writes down by itself once a minute is written down now.
    walled.run(walled.app.uses.write_down, walled.app.database)
    before = snapshot(walled, rival)
    walked: list[str] = []
    signed_in: dict[int, Member] = {}
    for slot in slots_of(walled):
        if slot.kind in theirs.ids:
            caller = voice(lab, slot, signed_in)
            with_foreign = call(caller, slot, own, theirs.ids[slot.kind])
            with_never = call(caller, slot, own, NEVER)
        else:
            # A text may become ours by being written: each call is another newcomer's first.
            with_foreign = call_as_newcomer(walled, slot, theirs.texts[slot.kind])
            with_never = call_as_newcomer(walled, slot, walk.never_was(slot.kind))
        assert with_foreign == with_never, str(slot)
        assert with_foreign[0] < 500, str(slot)
        if slot.where == "path":
            assert with_foreign[0] == 404, str(slot)
        walked.append(f"{slot.method} {slot.path}")
    assert snapshot(walled, rival) == before
    faces = (walled.app.lab, walled.app.office, walled.app.results)
    return (len(set(walked)), sum(len(routes_of(face)) for face in faces)), len(walked)


def test_a_rivals_record_behaves_like_one_that_never_was(
    walled: World, request: pytest.FixtureRequest, figure: Callable[[str, str, object], None]
) -> None:
    operations, slots = walk_everywhere(walled)
    assert slots >= 150
    figure(
        "P3",
        f"{request.node.callspec.params['walled']}",
        f"{slots} slots of {operations[0]} operations walked, of {operations[1]} there are; "
        "0 leaks, 0 of the rival's rows changed",
    )


def test_without_both_walls_a_rivals_records_are_there(postgres_url: str, worker: str) -> None:
    """What the walk sees is the walls' doing, of either kind of statement."""
    with open_world(superuser=postgres_url, name=f"open_{worker}", as_superuser=True) as world:
        lab, rival = world.found("Walker"), world.found("Rival")
        paths = [f"/samples/{rival.sample()['id']}", f"/clients/{rival.has.client}"]
        assert [lab.get(path).status_code for path in paths] == [404, 404]
        with session_fence_down():
            assert [lab.get(path).status_code for path in paths] == [200, 200]


def test_lists_show_nothing_of_a_rival(walled: World) -> None:
    lab, rival = walled.found("Walker"), walled.found("Rival")
    belongings(rival)
    administrator = lab.administrator()
    for route in [*routes_of(walled.app.lab), *routes_of(walled.app.office)]:
        if "{" not in route.path and route.methods == {"GET"} and route.path != "/api/v1":
            by_key = route.path.startswith("/api/v1")
            caller: Laboratory | Member = lab if by_key else administrator
            answer = caller.get(route.path.removeprefix("/api/v1"))
            assert answer.status_code == 200, route.path
            told = answer.text
            assert f"lab{rival.id}.example" not in told
            assert f"EXT-{rival.id}" not in told
            if route.path in {"/api/v1/samples", "/api/v1/sample-tests"}:
                assert answer.json() == {"data": [], "nextCursor": None, "hasMore": False}


def test_the_walk_refuses_to_pass_by_what_it_does_not_know(walled: World) -> None:
    known = dict(walk.PATH)
    walk.PATH.clear()
    try:
        with pytest.raises(walk.UnknownSlot, match="teach the walk about the path parameter"):
            list(slots_of(walled))
    finally:
        walk.PATH.update(known)


def snapshot(world: World, lab: Laboratory) -> dict[str, list[Any]]:
    """Every row that the laboratory has, straight from the tables, as the owner of all."""

    async def read() -> dict[str, list[Any]]:
        database = Database(world.bypass_url)
        found: dict[str, list[Any]] = {}
        async with database.connected() as connection:
            for table in owned.Base.metadata.sorted_tables:
                if "organization_id" in table.c and table.name != "key_uses":  # told by the minute
                    of_lab = table.select().where(table.c.organization_id == lab.id)
                    rows = await connection.execute(of_lab)
                    found[table.name] = sorted(map(repr, rows))
        await database.close()
        return found

    return world.run(read)
