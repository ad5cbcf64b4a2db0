"""Tenants as objects: what tests say `lab` and `rival` to."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from httpx2 import Response
from pydantic import SecretStr
from sqlalchemy import make_url
from starlette.testclient import TestClient

from titer.app import Titer, create_app, open_database
from titer.domain.clients.models import Client
from titer.domain.keys.rules import Scope
from titer.domain.keys.service import mint
from titer.domain.organizations.service import found
from titer.domain.people.models import User
from titer.domain.projects.models import Project
from titer.domain.reference.models import MaterialType, StorageLocation, TestDefinition
from titer.kit.clock import SystemClock
from titer.kit.db import migrating, postgres
from titer.kit.passwords import hash_now
from titer.kit.tenancy import Actor, Tenant, TenantSession
from titer.settings import Settings

T = TypeVar("T")
UNLIMITED = 1_000_000
#: The password of every person in a test laboratory.
PASSWORD = "correct horse battery staple"


class MovableClock:
    """The machine's time, until a test sets or advances it; then it stands still."""

    def __init__(self) -> None:
        self._machine = SystemClock()
        self._set: datetime | None = None

    def now(self) -> datetime:
        return self._set or self._machine.now()

    def set(self, moment: str) -> None:
        self._set = datetime.fromisoformat(moment).astimezone(UTC)

    def advance(self, **span: float) -> None:
        self._set = self.now() + timedelta(**span)

    def reset(self) -> None:
        self._set = None


@dataclass
class World:
    """A running application on one database."""

    app: Titer
    http: TestClient
    clock: MovableClock
    settings: Settings
    owner_url: str
    #: A superuser's URL on PostgreSQL, where row-level security does not apply.
    bypass_url: str

    def run(self, work: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """Run a coroutine in the application's own event loop."""
        assert self.http.portal is not None
        return self.http.portal.call(work, *arguments)

    def found(self, name: str, plan: str = "enterprise") -> "Laboratory":
        return Laboratory(self, *self.run(_found, self.app, name, plan))


@dataclass
class Catalogue:
    """Ids of the records that every test laboratory starts with."""

    water: int
    soil: int
    ph: int
    lead: int
    colour: int
    fridge: int
    client: int
    project: int
    composite_project: int


@dataclass
class Laboratory:
    """An organization, its administrator's user id, and a key with every scope."""

    world: World
    id: int
    user_id: int
    key_id: int
    key: str
    has: Catalogue
    headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.headers = {"Authorization": f"Bearer {self.key}"}

    def request(self, method: str, path: str, **options: Any) -> Response:
        """A call of the Lab API with this laboratory's key; `path` begins after `/api/v1`."""
        headers = self.headers | options.pop("headers", {})
        return self.world.http.request(method, f"/api/v1{path}", headers=headers, **options)

    def get(self, path: str, **options: Any) -> Response:
        return self.request("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> Response:
        return self.request("POST", path, json=json, **options)

    def patch(self, path: str, json: Any = None, **options: Any) -> Response:
        return self.request("PATCH", path, json=json, **options)

    def do(self, work: Callable[[TenantSession], Awaitable[T]]) -> T:
        """Run `work` with a session of this laboratory, in a transaction that is committed."""

        async def inside() -> T:
            async with self.world.app.database.work(writes=True) as opened:
                actor = Actor("test", "a test", self.user_id, self.key_id)
                session = await opened.enter(Tenant(self.id), actor)
                answer = await work(session)
                await opened.commit()
            return answer

        return self.world.run(inside)

    def sign_in(self, email: str, password: str = PASSWORD, **fields: Any) -> Response:
        """An attempt to sign in: the answer, whatever it is."""
        body = {"email": email, "password": password} | fields
        return self.world.http.post("/api/auth/login", json=body)

    def administrator(self) -> "Member":
        """The laboratory's first administrator, signed in."""
        return self._signed_in(self.user_id, f"admin@lab{self.id}.example")

    def member(self, role: str) -> "Member":
        """A further person of this role, signed in."""
        name = f"{role}-{uuid4().hex[:8]}"
        return self._signed_in(self.colleague(name, role), f"{name}@lab{self.id}.example")

    def _signed_in(self, user_id: int, email: str) -> "Member":
        signed_in = self.sign_in(email)
        assert signed_in.status_code == 200, signed_in.text
        return Member(self.world, user_id, email, signed_in.json()["token"])

    def another_key(self, *scopes: Scope) -> str:
        """The text of a further key, with only these scopes."""

        async def work(session: TenantSession) -> str:
            _, raw = await mint(session, name="further", created_by=self.user_id, scopes=scopes)
            return raw

        return self.do(work)

    def colleague(self, name: str = "Colleague", role: str = "technician") -> int:
        """The user id of a further person."""

        async def work(session: TenantSession) -> int:
            person = _person(f"{name.lower()}@lab{self.id}.example", name, role)
            session.add(person)
            await session.flush()
            return person.id

        return self.do(work)

    def as_third(self) -> "Laboratory":
        """The same laboratory, through a key that a third person made."""
        return self.as_colleague("Third")

    def as_colleague(self, name: str = "Second") -> "Laboratory":
        """The same laboratory, through a key that another person made."""
        user_id = self.colleague(name)

        async def work(session: TenantSession) -> tuple[int, str]:
            key, raw = await mint(session, name="second person", created_by=user_id)
            return key.id, raw

        key_id, raw = self.do(work)
        return Laboratory(self.world, self.id, user_id, key_id, raw, self.has)

    def sample(
        self, status: str = "pending", tests: Sequence[int] | None = None, **fields: Any
    ) -> dict[str, Any]:
        """A sample that has come as far as `status`, by the API's own steps."""
        body = {
            "clientName": "Acme Water District",
            "materialTypeId": self.has.water,
            "testDefinitionIds": [self.has.ph, self.has.lead] if tests is None else list(tests),
        }
        created = self.post("/samples", body | fields)
        assert created.status_code == 201, created.text
        sample: dict[str, Any] = created.json()
        steps = ("received", "processing", "completed", "verified")
        for step in steps[: steps.index(status) + 1] if status in steps else ():
            if step == "completed":
                for test in sample["tests"]:
                    self.enter(test["id"], {"LEAD": "0.002"}.get(test["testCode"], "7.2"))
            if step == "verified":
                for test in sample["tests"]:
                    self.verify(test["id"])
            moved = self.patch(f"/samples/{sample['id']}/status", {"status": step})
            assert moved.status_code == 200, moved.text
        if status == "reported":
            raise ValueError("say sample('verified'), then report it")
        shown: dict[str, Any] = self.get(f"/samples/{sample['id']}").json()
        return shown

    def enter(self, sample_test_id: int, result: str | None, **fields: Any) -> dict[str, Any]:
        entered = self.patch(f"/sample-tests/{sample_test_id}", {"result": result} | fields)
        assert entered.status_code == 200, entered.text
        shown: dict[str, Any] = entered.json()
        return shown

    def verify(self, sample_test_id: int) -> dict[str, Any]:
        verified = self.post(f"/sample-tests/{sample_test_id}/verify")
        assert verified.status_code == 200, verified.text
        shown: dict[str, Any] = verified.json()
        return shown


@dataclass
class Member:
    """A person of a laboratory, signed in to its settings."""

    world: World
    user_id: int
    email: str
    token: str

    def request(self, method: str, path: str, **options: Any) -> Response:
        """A call of the settings; `path` begins after `/api/settings`, unless it is whole."""
        whole = path if path.startswith("/api/") else f"/api/settings{path}"
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        return self.world.http.request(method, whole, headers=headers, **options)

    def get(self, path: str, **options: Any) -> Response:
        return self.request("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> Response:
        return self.request("POST", path, json=json, **options)

    def patch(self, path: str, json: Any = None, **options: Any) -> Response:
        return self.request("PATCH", path, json=json, **options)

    def delete(self, path: str, **options: Any) -> Response:
        return self.request("DELETE", path, **options)


@cache
def _password_hash() -> str:
    return hash_now(PASSWORD)


def _person(email: str, name: str, role: str) -> User:
    return User(
        public_id=uuid4(),
        email=email,
        email_folded=email.casefold(),
        name=name,
        role=role,
        active=True,
        password_hash=_password_hash(),
    )


async def _found(app: Titer, name: str, plan: str) -> tuple[int, int, int, str, Catalogue]:
    async with app.database.work(writes=True) as work:
        organization = await found(work, name, plan, Actor("cli", "tests"))
        session = work.session
        assert session is not None
        admin = _person(f"admin@lab{organization.id}.example", "Ada Admin", "administrator")
        session.add(admin)
        await session.flush()
        key, raw = await mint(session, name="Integration server", created_by=admin.id)
        catalogue = await _stock(session)
        await work.commit()
    return organization.id, admin.id, key.id, raw, catalogue


async def _stock(session: TenantSession) -> Catalogue:
    water = MaterialType(code="DW", name="Drinking water")
    soil = MaterialType(code="SOIL", name="Soil")
    ph = TestDefinition(
        code="PH",
        name="pH",
        method="EPA 150.1",
        decimals=1,
        spec_min=Decimal("6.5"),
        spec_max=Decimal("8.5"),
    )
    lead = TestDefinition(
        code="LEAD",
        name="Lead",
        method="EPA 200.8",
        unit="mg/L",
        spec_max=Decimal("0.015"),
        loq=Decimal("0.001"),
    )
    colour = TestDefinition(code="COLOUR", name="Colour", unit="PCU")
    fridge = StorageLocation(code="F1", name="Fridge 1", kind="fridge", path="F1")
    client = Client(name="Springfield Waterworks", name_folded="springfield waterworks", code="SPR")
    session.add_all([water, soil, ph, lead, colour, fridge, client])
    await session.flush()
    project = _project("ROUTINE", "Routine monitoring", "standard")
    composite = _project("WTP", "Treatment plant", "composite")
    session.add_all([project, composite])
    await session.flush()
    return Catalogue(
        water.id,
        soil.id,
        ph.id,
        lead.id,
        colour.id,
        fridge.id,
        client.id,
        project.id,
        composite.id,
    )


def _project(code: str, name: str, scheme: str) -> Project:
    return Project(
        public_id=uuid4(), code=code, name=name, status="active", sample_id_scheme=scheme
    )


@contextmanager
def open_world(
    *,
    sqlite: Path | None = None,
    superuser: str = "",
    name: str = "",
    as_superuser: bool = False,
    **changes: Any,
) -> Iterator[World]:
    """An application on a migrated database, running until the block ends."""
    if sqlite is not None:
        url = owner_url = bypass_url = f"sqlite:///{sqlite}"
    else:
        owner_url, url = asyncio.run(postgres.prepare(superuser, name, "owner", "app"))
        bypassing = make_url(superuser).set(database=name)
        bypass_url = bypassing.render_as_string(hide_password=False)
        url = bypass_url if as_superuser else url
    settings = Settings(
        _env_file=None,
        database_url=SecretStr(url),
        **{
            "rate_limit": UNLIMITED,
            "upload_rate_limit": UNLIMITED,
            "results_rate_limit": UNLIMITED,
            "sign_in_rate_limit": UNLIMITED,
            "failed_auth_limit": UNLIMITED,
            "audit_anchor_file": None,
            "audit_seal_seconds": 3_600.0,
            "webhook_seconds": 3_600.0,
            "webhook_allowed_hosts": "127.0.0.1",
            **changes,
        },
    )
    asyncio.run(_migrate(owner_url))
    clock = MovableClock()
    app = create_app(settings, clock)
    with TestClient(app, raise_server_exceptions=False, base_url="http://titer.test") as http:
        yield World(app, http, clock, settings, owner_url, bypass_url)


async def _migrate(url: str) -> None:
    database = open_database(Settings(_env_file=None, database_url=SecretStr(url)))
    await migrating.upgrade(database)
    await database.close()
