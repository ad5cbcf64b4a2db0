"""`/projects`: what samples are taken for."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, ClassVar
from uuid import UUID

from fastapi import Query
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.projects import service
from titer.domain.projects.repository import Projects
from titer.domain.projects.rules import CODE, ProjectStatus, SampleIdScheme
from titer.kit.errors import (
    Duplicate,
    InvalidBody,
    InvalidId,
    InvalidReference,
    NotFound,
)
from titer.kit.web.answers import CAMEL, MomentOut, current, one_of, view, written
from titer.kit.web.fields import (
    Day,
    Id,
    PathId,
    Prose,
    QueryFlag,
    QueryId,
    QueryText,
    Text,
    absent,
)
from titer.surfaces.v1 import examples
from titer.surfaces.v1.access import CONDITIONS, READ, WRITE, Lab, expected_version, operations
from titer.surfaces.v1.wire import Body, Page, Paged, page, shown

projects = operations("Reference data")

ProjectCode = Annotated[str, StringConstraints(strict=True, pattern=f"^{CODE.pattern}$")]


@dataclass(slots=True)
class Project:
    """What samples are taken for. `sampleIdScheme` tells how their tracking ids are made."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    public_id: UUID
    code: str
    name: str
    description: str | None
    client_id: int | None
    status: Annotated[str, one_of(ProjectStatus)]
    sample_id_scheme: Annotated[str, one_of(SampleIdScheme)]
    start_date: date | None
    end_date: date | None
    created_at: MomentOut
    updated_at: MomentOut
    version: int


class ProjectQuery(Paged):
    """Which projects are wanted; `name` finds a part of the name, `active` is the status so."""

    active: QueryFlag | None = None
    status: ProjectStatus | None = None
    name: QueryText | None = None
    code: QueryText | None = None
    client_id: QueryId | None = None


class ProjectFields(Body):
    """What may be said of a project, at first and later."""

    description: Prose | None = None
    client_id: Id | None = None
    start_date: Day | None = None
    end_date: Day | None = None


class NewProject(ProjectFields):
    """A project to open."""

    model_config = shown(examples.NEW_PROJECT)

    code: ProjectCode
    name: Text
    status: ProjectStatus = ProjectStatus.ACTIVE
    sample_id_scheme: SampleIdScheme = SampleIdScheme.STANDARD


class ProjectChange(ProjectFields):
    """What to change; what is left out stays.

    Tracking ids that were given out stay: another code or scheme is for samples to come.
    """

    code: ProjectCode = absent()
    name: Text = absent()
    status: ProjectStatus = absent()
    sample_id_scheme: SampleIdScheme = absent()


@projects.add("GET", "/projects", needs=READ, answers=Page[Project])
async def list_projects(
    request: Request, lab: Lab, query: Annotated[ProjectQuery, Query()]
) -> Response:
    """List projects, newest first."""
    wanted = query.model_dump(exclude={"limit", "cursor"})
    found = await Projects(lab).matching(query.window(), **wanted)
    return page(request, Project, found, lambda row: view(Project, row))


@projects.add(
    "GET", "/projects/{project_id}", needs=READ, answers=Project, refuses=(InvalidId, NotFound)
)
async def get_project(request: Request, lab: Lab, project_id: PathId) -> Response:
    """Retrieve one project."""
    return current(request, Project, await Projects(lab).get(project_id))


@projects.add(
    "POST",
    "/projects",
    needs=WRITE,
    answers=Project,
    status=201,
    refuses=(InvalidBody, InvalidReference, Duplicate),
)
async def create_project(lab: Lab, body: NewProject) -> Response:
    """Create a project."""
    project = await service.create(lab, service.ProjectEntry(**body.model_dump()))
    return written(Project, project, location=f"/api/v1/projects/{project.id}")


@projects.add(
    "PATCH",
    "/projects/{project_id}",
    needs=WRITE,
    answers=Project,
    refuses=(InvalidId, InvalidBody, InvalidReference, NotFound, Duplicate, *CONDITIONS),
)
async def update_project(
    request: Request, lab: Lab, project_id: PathId, body: ProjectChange
) -> Response:
    """Update a project.

    Only an `active` project takes new samples. Another `code` or `sampleIdScheme` is for samples
    to come: tracking ids never change.
    """
    expected = expected_version(request, lab, project_id)
    return written(Project, await service.change(lab, project_id, body.given(), expected))
