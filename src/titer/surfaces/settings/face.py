"""The settings put together."""

from fastapi import FastAPI

from titer import __version__
from titer.kit.db.engine import Database
from titer.kit.web.application import make
from titer.surfaces.settings import material_types, storage_locations, test_definitions
from titer.surfaces.settings.access import SettingsFace

PREFIX, AUTH_PREFIX = "/api/settings", "/api/auth"
_DESCRIPTION = """\
Administer an organization: its API keys, its people, its own record.

Sign in with `POST /api/auth/login` and send `Authorization: Bearer ls_...` with every request.
Lists take `limit` (default 50, at most 500) and `cursor` (the last page's `nextCursor`).
"""


def build(database: Database) -> FastAPI:
    """The application that answers both prefixes."""
    app = make(
        SettingsFace(database),
        prefix=PREFIX,
        title="Titer Settings API",
        version=__version__,
        description=_DESCRIPTION,
    )
    for resource in (
        test_definitions.test_definitions,
        material_types.material_types,
        storage_locations.storage_locations,
    ):
        resource.install(app, PREFIX)
    return app
