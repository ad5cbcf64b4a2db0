"""`titer user`, `titer key`."""

import secrets
from datetime import datetime
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from titer.cli.databases import password_from
from titer.cli.running import run, within
from titer.cli.terminal import AsJson, Stop, show
from titer.domain.keys.models import ApiKey
from titer.domain.keys.rules import POWERS, Scope, read_scopes
from titer.domain.keys.service import mint_as
from titer.domain.people.models import User
from titer.domain.people.repository import Users
from titer.domain.people.rules import Role, fold_email
from titer.domain.people.service import create_user
from titer.kit.db.engine import Database
from titer.kit.tenancy import TenantSession
from titer.kit.web.fields import Moment, Text

users = typer.Typer(help="People of an organization.")
keys = typer.Typer(help="API keys of an organization.")

Org = Annotated[int, typer.Option("--org", min=1, help="The organization's id.")]
_TEXT: TypeAdapter[str] = TypeAdapter(Text)
_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)


@users.callback()
def user() -> None:
    """People of an organization."""


@users.command("create")
def create_person(
    *,
    org: Org,
    email: Annotated[str, typer.Option(help="The address to sign in with.")],
    name: Annotated[str, typer.Option(help="What the person is called.")],
    role: Annotated[Role, typer.Option(help="What the person is in the laboratory.")],
    password_env: Annotated[
        str | None, typer.Option(help="The environment variable that holds the password.")
    ] = None,
    generate_password: Annotated[
        bool, typer.Option("--generate-password", help="Make a password, and print it once.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create a person, who can sign in at once."""
    if generate_password == (password_env is not None):
        raise typer.BadParameter(
            "say either --password-env VARIABLE or --generate-password",
            param_hint="--password-env",
        )
    name = _checked(_TEXT, name, "--name")
    password = password_from(password_env) or secrets.token_urlsafe(15)

    async def task(database: Database) -> dict[str, Any]:
        async with within(database, org) as session:
            person = await create_user(session, email, name, role, password)
        return {"userId": person.id, "email": person.email, "role": person.role}

    created = run(task)
    shown = [f"User {created['userId']} {created['email']} is {_article(role)}."]
    if generate_password:
        created["password"] = password
        shown.append(f"Password, shown only now: {password}")
    show(created, *shown, as_json=as_json)


@keys.callback()
def key() -> None:
    """API keys of an organization."""


@keys.command("create")
def create_key(
    *,
    org: Org,
    user: Annotated[str, typer.Option(help="The e-mail address of whoever the key acts for.")],
    name: Annotated[str, typer.Option(help="What tells this key from others.")],
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help="May be repeated; without any, all that the person's role allows."),
    ] = None,
    expires_at: Annotated[
        str | None, typer.Option(metavar="TIME", help="ISO 8601, such as 2027-01-31.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create an API key, and print it: it is shown only now."""
    name = _checked(_TEXT, name, "--name")
    expiry = _checked(_MOMENT, expires_at, "--expires-at") if expires_at else None

    async def task(database: Database) -> dict[str, Any]:
        async with within(database, org) as session:
            person = await _person(session, user)
            role = Role(person.role)
            row, raw = await mint_as(
                session,
                role,
                name=name,
                created_by=person.id,
                scopes=scope or POWERS[role],
                expires_at=expiry,
            )
        return shown_key(row, raw)

    created = run(task)
    show(
        created,
        f"Key {created['id']} {name!r} may {', '.join(created['scopes'])}. Shown only now:",
        created["rawKey"],
        as_json=as_json,
    )


def shown_key(key: ApiKey, raw: str) -> dict[str, Any]:
    """A new key as the contract shows it, with its text."""
    scopes = read_scopes(key.scopes)
    return {
        "id": key.id,
        "name": key.name,
        "keyPrefix": key.key_prefix,
        "createdBy": key.created_by,
        "createdAt": key.created_at,
        "lastUsedAt": None,
        "revokedAt": None,
        "scopes": [str(scope) for scope in Scope if scope in scopes],
        "expiresAt": key.expires_at,
        "rawKey": raw,
    }


async def _person(session: TenantSession, email: str) -> User:
    user_id = await Users(session).with_email(fold_email(email))
    person = await Users(session).find(user_id) if user_id is not None else None
    if person is None or not person.active:
        raise Stop(
            "not_found",
            f"Nobody active in organization {session.tenant.organization_id} has the address"
            f" {email}: `titer user create` makes a user.",
        )
    return person


def _checked(kind: TypeAdapter[Any], text: str, option: str) -> Any:
    try:
        return kind.validate_python(text)
    except ValidationError as invalid:
        message = invalid.errors()[0]["msg"].removeprefix("Value error, ")
        raise typer.BadParameter(message, param_hint=option) from invalid


def _article(role: Role) -> str:
    words = role.replace("_", " ")
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
