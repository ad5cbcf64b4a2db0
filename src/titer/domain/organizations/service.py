"""Founding an organization, changing it, and spending its plan's allowance."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from titer.domain.organizations.errors import SampleLimitExceeded
from titer.domain.organizations.models import Organization
from titer.domain.organizations.repository import Organizations, Plans, next_organization_id
from titer.domain.organizations.rules import month_of, next_month
from titer.kit.clock import spell
from titer.kit.db.engine import Work
from titer.kit.errors import Detail, InvalidReference, NotFound
from titer.kit.records import require_version
from titer.kit.tenancy import Actor, Tenant, TenantSession

CHANGEABLE = frozenset(
    {
        "name",
        "require_second_person",
        "require_if_match",
        "require_human_signature",
        "allow_language_model",
    }
)


async def spend_samples(
    session: TenantSession, units: int
) -> tuple[int, SampleLimitExceeded | None]:
    """Take samples off the month's allowance, as many of them as it has left; never overshoots.

    How many may come, and what the first one is told that may not.
    """
    organizations = Organizations(session)
    limit = (await organizations.requirements()).monthly_samples
    month = month_of(session.now)
    wanted = units
    while not await organizations.use(month, wanted, limit):
        used = await organizations.used_in(month)
        assert limit is not None
        wanted = min(units, limit - used)
        if wanted <= 0:
            return 0, _exceeded(session, limit, used)
    if wanted == units:
        return units, None
    assert limit is not None
    return wanted, _exceeded(session, limit, limit)


def _exceeded(session: TenantSession, limit: int, used: int) -> SampleLimitExceeded:
    return SampleLimitExceeded(
        f"Your plan allows {limit} samples a month; {used} are used.",
        facts={
            "code": SampleLimitExceeded.slug,
            "limit": limit,
            "used": used,
            "resets_at": spell(next_month(session.now)),
        },
    )


async def found(work: Work, name: str, plan: str, actor: Actor) -> Organization:
    """Found an organization and enter it: only the command line does.

    Raises `InvalidReference` for a plan that does not exist.
    """
    await _require_plan(work, plan)
    organization_id = await next_organization_id(work)
    session = await work.enter(Tenant(organization_id), actor)
    organization = Organization(id=organization_id, public_id=uuid4(), name=name, plan=plan)
    session.add(organization)
    await session.flush()
    return organization


async def change(
    session: TenantSession, values: Mapping[str, Any], expected: int | None = None
) -> Organization:
    """Change the organization's name or what it requires; never its plan.

    Raises `PreconditionFailed`.
    """
    organization = await Organizations(session).own_for_change()
    require_version(organization, expected)
    for name in values.keys() & CHANGEABLE:
        setattr(organization, name, values[name])
    await session.flush()
    return organization


async def set_plan(work: Work, organization_id: int, plan: str, actor: Actor) -> Organization:
    """Move an organization to another plan: only the command line does.

    Raises `InvalidReference` for a plan that does not exist, and `NotFound`.
    """
    await _require_plan(work, plan)
    session = await work.enter(Tenant(organization_id), actor)
    organization = await Organizations(session).find_own()
    if organization is None:
        raise NotFound(f"There is no organization {organization_id}.")
    organization.plan = plan
    session.label(organization, "plan_changed")
    await session.flush()
    return organization


async def _require_plan(work: Work, plan: str) -> None:
    known = [each.name for each in await Plans(work).all()]
    if plan not in known:
        raise InvalidReference(
            f"There is no plan {plan!r}: choose one of {', '.join(known)}.",
            details=[Detail("plan", "no such plan")],
        )
