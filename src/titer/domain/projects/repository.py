"""All queries about projects."""

from sqlalchemy import ColumnElement

from titer.domain.projects.models import Project
from titer.domain.projects.rules import ProjectStatus
from titer.kit.paging import Slice, Window
from titer.kit.records import Records


class Projects(Records[Project]):
    model = Project

    async def with_code(self, code: str) -> Project | None:
        return await self.one(Project.code == code)

    async def matching(
        self,
        window: Window,
        *,
        active: bool | None = None,
        status: str | None = None,
        name: str | None = None,
        code: str | None = None,
        client_id: int | None = None,
    ) -> Slice[Project]:
        """Projects, newest first; a project is active when its status says so."""
        conditions: list[ColumnElement[bool]] = []
        if active is not None:
            running = Project.status == ProjectStatus.ACTIVE
            conditions.append(running if active else ~running)
        if status is not None:
            conditions.append(Project.status == status)
        if name is not None:
            conditions.append(Project.name.icontains(name, autoescape=True))
        if code is not None:
            conditions.append(Project.code == code)
        if client_id is not None:
            conditions.append(Project.client_id == client_id)
        return await self.page(window, *conditions)
