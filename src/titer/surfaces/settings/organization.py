"""`/organization`: the organization's own record, and what is left of its plan."""

from dataclasses import dataclass
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response

from titer.domain.organizations import models, service
from titer.domain.organizations.repository import Organizations
from titer.domain.organizations.rules import month_of, next_month
from titer.kit.errors import InvalidBody, PreconditionFailed
from titer.kit.web.answers import CAMEL, MomentOut, answer, etag, expected_version
from titer.kit.web.fields import Flag, Text, absent
from titer.surfaces.settings.access import ADMINISTRATOR, Office, operations
from titer.surfaces.settings.wire import Body, shown

organization = operations("Organization")


class OrganizationChange(Body):
    """What to change; what is left out stays."""

    model_config = shown({"requireSecondPerson": True})

    name: Text = absent()
    require_second_person: Flag = absent()
    require_if_match: Flag = absent()
    require_human_signature: Flag = absent()
    allow_language_model: Flag = absent()


@dataclass(slots=True)
class Organization:
    """The organization. `monthlyLimit` counts samples; null means that there is no limit."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    name: str
    plan: str
    api_access: bool
    monthly_limit: int | None
    used_this_month: int
    resets_at: MomentOut
    require_second_person: bool
    require_if_match: bool
    require_human_signature: bool
    allow_language_model: bool
    created_at: MomentOut
    updated_at: MomentOut
    version: int


@organization.add("GET", "/organization", needs=ADMINISTRATOR, answers=Organization)
async def get_organization(office: Office) -> Response:
    """The organization, its plan, and what this month has used of it."""
    return await _shown(office, await Organizations(office).own())


@organization.add(
    "PATCH",
    "/organization",
    needs=ADMINISTRATOR,
    answers=Organization,
    refuses=(InvalidBody, PreconditionFailed),
)
async def update_organization(
    request: Request, office: Office, body: OrganizationChange
) -> Response:
    """Rename the organization, or set its rules.

    `requireSecondPerson`: who entered a result does not verify it. `requireIfMatch`: changes
    through the Lab API without `If-Match` are refused with `428`. `requireHumanSignature`: a key
    neither verifies, reports nor decides (`403 signature_required`); a person signs here instead.
    `allowLanguageModel`: where this server has one, it may see an excerpt of instrument files that
    are hard to read, without sample identifiers and personal columns.
    """
    expected = expected_version(request, office.tenant.organization_id)
    return await _shown(office, await service.change(office, body.given(), expected))


async def _shown(office: Office, own: models.Organization) -> Response:
    organizations = Organizations(office)
    plan = await organizations.plan()
    body = Organization(
        id=own.id,
        name=own.name,
        plan=plan.name,
        api_access=plan.api_access,
        monthly_limit=plan.monthly_samples,
        used_this_month=await organizations.used_in(month_of(office.now)),
        resets_at=next_month(office.now),
        require_second_person=own.require_second_person,
        require_if_match=own.require_if_match,
        require_human_signature=own.require_human_signature,
        allow_language_model=own.allow_language_model,
        created_at=own.created_at,
        updated_at=own.updated_at,
        version=own.version,
    )
    return answer(Organization, body, headers={"ETag": etag(own)})
