"""Founding the demonstration laboratory once, and finding it ever after."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from titer.demo.story import CUSTOMER, DAYS, Staff, Watch, play
from titer.domain.clients.repository import Clients
from titer.domain.clients.service import mint_results_key
from titer.domain.keys.repository import find_key
from titer.domain.keys.service import mint
from titer.domain.organizations.service import found
from titer.domain.people.repository import find_logins
from titer.domain.people.rules import Role, fold_email
from titer.domain.people.service import create_user
from titer.domain.reference.repository import MaterialTypes, TestDefinitions
from titer.domain.samples.repository import Samples
from titer.imports import reference
from titer.kit import tokens
from titer.kit.db.engine import Database, Work
from titer.kit.tenancy import Actor, Tenant, TenantSession

NAME = "Clearwater Laboratory (demonstration)"
ADMIN = "admin@clearwater.titer.example"
_CATALOGUE = Path(__file__).with_name("catalogue.yaml")
_PEOPLE = (
    (ADMIN, "Ada Chen", Role.ADMINISTRATOR),
    ("rosa@clearwater.titer.example", "Rosa Imhof", Role.REVIEWER),
    ("tomas@clearwater.titer.example", "Tomas Rivera", Role.TECHNICIAN),
    ("noor@clearwater.titer.example", "Noor Haddad", Role.TECHNICIAN),
    ("visitor@clearwater.titer.example", "Val Petrov", Role.READ_ONLY),
)


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What somebody needs to begin: who to be, and a sample to register."""

    organization_id: int
    admin_id: int
    material_type_id: int
    test_definition_ids: tuple[int, ...]
    samples: int
    #: The client whose orders and published results its own key shows.
    client_id: int
    client_name: str


async def enter(
    database: Database, samples: int, password: str, watch: Watch
) -> tuple[Demonstration, bool]:
    """The laboratory, and whether it has been founded now: with about so many samples, and this
    password for everybody, in one transaction."""
    async with database.work(writes=True) as work:
        there = await find_logins(work, fold_email(ADMIN))
        if there:
            tenant = Tenant(there[0].organization_id)
            session = await work.enter(tenant, Actor("cli", "demonstration"))
            return await _described(session, there[0].user_id), False
        admin_id = await _found(work, samples, password, watch)
        assert work.session is not None
        shown = await _described(work.session, admin_id)
        await work.commit()
    return shown, True


async def _found(work: Work, samples: int, password: str, watch: Watch) -> int:
    now = work.now
    # The laboratory has been here since before its first sample.
    work.now = now - timedelta(days=DAYS + 5)
    await found(work, NAME, "enterprise", Actor("cli", "demonstration"))
    session = work.session
    assert session is not None
    people = [
        await create_user(session, email, name, role, password) for email, name, role in _PEOPLE
    ]
    admin, reviewer, *analysts = (Actor("user", each.name, each.id) for each in people[:-1])
    await session.settle()
    session.actor = admin
    await reference.bring_in(session, _CATALOGUE, lambda rows, _: rows)
    await play(session, Staff(analysts[0], analysts, reviewer, admin), samples, now, watch)
    return people[0].id


async def _described(session: TenantSession, admin_id: int) -> Demonstration:
    material = await MaterialTypes(session).with_code("DW")
    tests = [await TestDefinitions(session).with_code(code) for code in ("PH", "TURB")]
    client = await Clients(session).with_code(CUSTOMER)
    assert material is not None
    assert client is not None
    return Demonstration(
        session.tenant.organization_id,
        admin_id,
        material.id,
        tuple(test.id for test in tests if test),
        await Samples(session).count(),
        client.id,
        client.name,
    )


async def opens(database: Database, raw_key: str, organization_id: int) -> bool:
    """Whether a key is the laboratory's, and still good."""
    async with database.work(writes=False) as work:
        key = await find_key(work, tokens.digest(raw_key))
        return key is not None and key.organization_id == organization_id and key.opens(work.now)


async def fresh_results_key(database: Database, there: Demonstration) -> str:
    """Mint a key for the client whose results are shown."""
    async with database.work(writes=True) as work:
        admin = Actor("cli", "demonstration", there.admin_id)
        session = await work.enter(Tenant(there.organization_id), admin)
        _, raw = await mint_results_key(
            session, client_id=there.client_id, name="Portal", created_by=there.admin_id
        )
        await work.commit()
    return raw


async def fresh_key(database: Database, there: Demonstration) -> str:
    """Mint a key of the administrator's."""
    async with database.work(writes=True) as work:
        admin = Actor("cli", "demonstration", there.admin_id)
        session = await work.enter(Tenant(there.organization_id), admin)
        _, raw = await mint(session, name="Demonstration", created_by=there.admin_id)
        await work.commit()
    return raw


def new_password() -> str:
    return secrets.token_urlsafe(12)
