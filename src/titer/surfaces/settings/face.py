"""The settings put together."""

from datetime import timedelta

from fastapi import FastAPI
from slowapi.errors import RateLimitExceeded

from titer import __version__
from titer.domain.people.service import SignInDesk
from titer.kit.callouts import Callouts
from titer.kit.db.engine import Database
from titer.kit.web.application import make
from titer.kit.web.publication import Publication
from titer.surfaces.settings import (
    api_keys,
    auth,
    custom_fields,
    extraction_aliases,
    limits,
    material_types,
    organization,
    results_keys,
    signing,
    storage_locations,
    test_definitions,
    users,
    webhooks,
    wire,
)
from titer.surfaces.settings.access import SettingsFace

PREFIX, AUTH_PREFIX = "/api/settings", "/api/auth"
_DESCRIPTION = """\
Administer an organization: its API keys, its people, its catalogue, its own record.

Sign in with `POST /api/auth/login` and send `Authorization: Bearer ls_...` with every request.
Lists take `limit` (default 50, at most 500) and `cursor` (the last page's `nextCursor`).
"""
_BEARER = "What `POST /api/auth/login` gives, `ls_...`. It lasts until it ends or is ended."
_TAGS = {
    "Sign-in": "Sign in with a password, see who is signed in, sign out.",
    "API keys": "The keys that programs use: mint one, list them, revoke one.",
    "Results keys": "The keys that the laboratory's clients read their results with.",
    "Users": "The people of the organization, and what each may do.",
    "Signatures": "Verify, report and decide, signed with the password. After five wrong ones in a"
    " row the account waits, as it does at sign-in.",
    "Organization": "The organization's own record.",
    "Webhooks": "Where to send word when a test is published, and what came of it.",
    "Catalogue": "Test definitions, material types and storage locations, kept here.",
    "Instrument uploads": "What instruments call the tests, learned from uploads.",
}


def build(
    database: Database, callouts: Callouts, *, sign_in_lasts: timedelta, sign_in_limit: int
) -> FastAPI:
    """The application that answers both prefixes.

    A sign-in lasts `sign_in_lasts`; one network address may attempt `sign_in_limit` a minute.
    """
    face = SettingsFace(database)
    app = make(
        face,
        prefix=PREFIX,
        title="Titer Settings API",
        version=__version__,
        description=_DESCRIPTION,
        refusals=wire.Error,
        publication=Publication(_TAGS, _BEARER),
    )
    limiter = limits.make_limiter()
    app.add_exception_handler(RateLimitExceeded, limits.refusal(face, limiter))
    desk = SignInDesk(database, sign_in_lasts)
    for resource in (auth.signing_in(desk, limiter, sign_in_limit), auth.auth):
        resource.install(app, AUTH_PREFIX)
    for resource in (
        api_keys.minting(limiter),
        api_keys.keys,
        results_keys.minting(limiter),
        results_keys.keys,
        users.users,
        signing.signing(desk),
        organization.organization,
        test_definitions.test_definitions,
        material_types.material_types,
        storage_locations.storage_locations,
        extraction_aliases.extraction_aliases,
        custom_fields.custom_fields,
        webhooks.webhooks,
        webhooks.keeping(callouts),
    ):
        resource.install(app, PREFIX)
    return app
