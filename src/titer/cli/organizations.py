"""`titer org`, `titer plan`."""

from typing import Annotated, Any

import typer

from titer.cli.running import OPERATOR, run, run_as_owner
from titer.cli.terminal import AsJson, show, show_rows
from titer.domain.organizations import service
from titer.domain.organizations.models import Plan
from titer.domain.organizations.repository import Plans, every_organization
from titer.kit.db.engine import Database

commands = typer.Typer(help="Organizations: found one, change its plan, list all.")
plans = typer.Typer(help="Plans: what an organization may do, and how much of it.")

_UNLIMITED = "unlimited"
_COLUMNS = {
    "organizationId": "Id",
    "name": "Name",
    "plan": "Plan",
    "createdAt": "Since",
}


@commands.command()
def create(
    name: Annotated[str, typer.Argument(help="What the organization is called.")],
    *,
    plan: Annotated[str, typer.Option(help="One of `titer plan list`.")] = "enterprise",
    as_json: AsJson = False,
) -> None:
    """Found an organization."""
    name = name.strip()
    if not name:
        raise typer.BadParameter("must not be empty", param_hint="NAME")

    async def task(database: Database) -> dict[str, Any]:
        async with database.work(writes=True) as work:
            organization = await service.found(work, name, plan, OPERATOR)
            await work.commit()
        return _shown(organization)

    founded = run(task)
    organization_id = founded["organizationId"]
    show(
        founded,
        f"Organization {organization_id} {name!r} is founded, on the plan {plan}.",
        f"Next: titer user create --org {organization_id} --email ... --role administrator",
        as_json=as_json,
    )


@commands.command()
def set_plan(
    organization_id: Annotated[int, typer.Argument(metavar="ID", min=1)],
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="One of `titer plan list`.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Move an organization to another plan."""

    async def task(database: Database) -> dict[str, Any]:
        async with database.work(writes=True) as work:
            organization = await service.set_plan(work, organization_id, plan, OPERATOR)
            await work.commit()
        return _shown(organization)

    show(run(task), f"Organization {organization_id} is on the plan {plan}.", as_json=as_json)


@commands.command("list")
def list_organizations(*, as_json: AsJson = False) -> None:
    """Show every organization. On PostgreSQL only the owner's role can see them all."""

    async def task(database: Database) -> list[dict[str, Any]]:
        async with database.work(writes=False) as work:
            return [
                _shown(each) | {"createdAt": each.created_at}
                for each in await every_organization(work)
            ]

    show_rows("organizations", _COLUMNS, run_as_owner(task), as_json=as_json)


@plans.command("list")
def list_plans(*, as_json: AsJson = False) -> None:
    """Show the plans; no number of samples means no limit."""

    async def task(database: Database) -> list[dict[str, Any]]:
        async with database.work(writes=False) as work:
            return [_plan(each) for each in await Plans(work).all()]

    columns = {"name": "Plan", "monthlySamples": "Samples a month", "apiAccess": "API"}
    show_rows("plans", columns, run(task), as_json=as_json)


@plans.command("set")
def change_plan(
    name: Annotated[str, typer.Argument(help="A plan that is there, or a new one.")],
    *,
    monthly_samples: Annotated[
        str | None, typer.Option(metavar="N|unlimited", help="How many samples a month.")
    ] = None,
    api: Annotated[
        bool | None, typer.Option("--api/--no-api", help="Whether keys of the plan work.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change a plan, at once and for everybody on it, or make a new one.

    What is left out stays as it is; of a new plan: unlimited, with the API.
    """
    allowance = _allowance(monthly_samples) if monthly_samples is not None else None

    async def task(database: Database) -> dict[str, Any]:
        async with database.work(writes=True) as work:
            known = {each.name: each for each in await Plans(work).all()}
            plan = known.get(name) or Plan(name=name, monthly_samples=None, api_access=True)
            if monthly_samples is not None:
                plan.monthly_samples = allowance
            if api is not None:
                plan.api_access = api
            await Plans(work).set(
                name, monthly_samples=plan.monthly_samples, api_access=plan.api_access
            )
            await work.commit()
        return _plan(plan)

    changed = run(task)
    count = changed["monthlySamples"]
    show(
        changed,
        f"Plan {name}: {_UNLIMITED if count is None else count} samples a month,"
        f" {'with' if changed['apiAccess'] else 'without'} the API.",
        as_json=as_json,
    )


def _allowance(text: str) -> int | None:
    if text == _UNLIMITED:
        return None
    if not text.isdecimal() or not text.isascii():
        raise typer.BadParameter(
            f"must be a number or {_UNLIMITED}", param_hint="--monthly-samples"
        )
    return int(text)


def _shown(organization: Any) -> dict[str, Any]:
    return {
        "organizationId": organization.id,
        "name": organization.name,
        "plan": organization.plan,
    }


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "name": plan.name,
        "monthlySamples": plan.monthly_samples,
        "apiAccess": plan.api_access,
    }
