"""Keeping projects.

A project's `sample_id_scheme` and `code` may change at any time: tracking ids that were given out
stay as they are, and samples registered from then on get theirs by the new rule.

An upsert finds its project by `with_code` of the repository, then creates or changes it here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import uuid4

from titer.domain.clients.repository import Clients
from titer.domain.projects import rules
from titer.domain.projects.models import Project
from titer.domain.projects.repository import Projects
from titer.domain.projects.rules import ProjectStatus, SampleIdScheme
from titer.kit.errors import at_fault, taken, unknown
from titer.kit.tenancy import TenantSession


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectEntry:
    """What a person keeps of a project."""

    code: str
    name: str
    description: str | None = None
    client_id: int | None = None
    status: ProjectStatus = ProjectStatus.ACTIVE
    sample_id_scheme: SampleIdScheme = SampleIdScheme.STANDARD
    start_date: date | None = None
    end_date: date | None = None


async def create(session: TenantSession, entry: ProjectEntry) -> Project:
    """Open a project.

    Raises `InvalidBody`, `Duplicate` (code), and `InvalidReference` for a client that is not the
    organization's or is not active.
    """
    await _check(session, entry)
    row = Project(
        public_id=uuid4(),
        code=entry.code,
        name=entry.name,
        description=entry.description,
        client_id=entry.client_id,
        status=entry.status,
        sample_id_scheme=entry.sample_id_scheme,
        start_date=entry.start_date,
        end_date=entry.end_date,
    )
    return await Projects(session).add(row)


async def change(
    session: TenantSession,
    project_id: int,
    values: Mapping[str, Any],
    expected: int | None = None,
) -> Project:
    """Change those fields of an entry that `values` names.

    Raises `NotFound`, `PreconditionFailed`, and what `create` raises; the client that the project
    has already may have been retired since.
    """
    row = await Projects(session).get_for_change(project_id, expected)
    await _check(session, replace(_entry(row), **values), already=row)
    old = row.status
    for name, value in values.items():
        setattr(row, name, value)
    if row.status != old:
        session.label(row, rules.verb_of(ProjectStatus(row.status)))
    await session.flush()
    return row


async def _check(
    session: TenantSession, entry: ProjectEntry, already: Project | None = None
) -> None:
    faults = rules.faults(entry.code, entry.start_date, entry.end_date)
    if faults:
        raise at_fault(faults)
    holder = await Projects(session).with_code(entry.code)
    if holder is not None and (already is None or holder.id != already.id):
        raise taken("code", entry.code, holder.id)
    client_id = entry.client_id
    kept = already is not None and already.client_id == client_id
    if client_id is None or kept:
        return
    if client_id not in await Clients(session).active_ids([client_id]):
        raise unknown("clientId", [client_id])


def _entry(row: Project) -> ProjectEntry:
    return ProjectEntry(
        code=row.code,
        name=row.name,
        description=row.description,
        client_id=row.client_id,
        status=ProjectStatus(row.status),
        sample_id_scheme=SampleIdScheme(row.sample_id_scheme),
        start_date=row.start_date,
        end_date=row.end_date,
    )
