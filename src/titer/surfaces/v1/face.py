"""The Lab API put together."""

from fastapi import FastAPI

from titer import __version__
from titer.domain.keys.rules import PREFIX as KEY_PREFIX
from titer.domain.keys.service import KeyUses
from titer.domain.uploads.reading import ReadingRoom
from titer.kit.db.engine import Database
from titer.kit.errors import Internal, RateLimited
from titer.kit.web.application import make
from titer.kit.web.publication import Publication
from titer.kit.web.rate_limit import Rates
from titer.kit.windows import Limit
from titer.surfaces.v1 import (
    approvals,
    audit,
    clients,
    identity,
    instrument_uploads,
    orders,
    products,
    projects,
    reference,
    sample_tests,
    samples,
    signatures,
    skus,
    wire,
)
from titer.surfaces.v1.access import LabFace

PREFIX = "/api/v1"
_DESCRIPTION = """\
Register and track samples, enter and verify results, read reference data.

Send `Authorization: Bearer lk_...` with every request; an administrator mints the key. Every id
belongs to the key's organization: another organization's record is a 404, as if it did not exist.
Lists take `limit` (default 50, at most 500) and `cursor` (the last page's `nextCursor`).
"""

_BEARER = "An API key, `lk_...`. An administrator mints it; it is shown once."
_TAGS = {
    "Identity": "What the API offers, and who is calling.",
    "Samples": "Register samples, receive them, move them along the workflow, report them.",
    "Tests & results": "Enter results, one or many, verify them, and read every earlier value.",
    "Instrument uploads": "Send an instrument's file: its results are read, shown, and written.",
    "Approvals": "Results out of specification, and what was decided about them.",
    "Signatures": "What people signed, and whether it still stands as they signed it.",
    "Reference data": "Test definitions, material types, projects, clients, storage locations.",
    "Orders & products": "What clients submit, what they make, and how it is sold.",
    "Audit": "Every change: who, when, what, before and after, and why.",
}

UPLOADS = ("POST", f"{PREFIX}/instrument-uploads")


def rates(*, per_key: int, uploads: int) -> Rates:
    """What a key may do in a minute; an upload is charged as an upload and as a request."""
    return Rates(KEY_PREFIX, Limit("key", per_key), {UPLOADS: Limit("uploads", uploads)})


def build(database: Database, uses: KeyUses, room: ReadingRoom) -> FastAPI:
    """The Lab API; instrument files are read in `room`."""
    app = make(
        LabFace(database, uses),
        prefix=PREFIX,
        title="Titer Lab API",
        version=__version__,
        description=_DESCRIPTION,
        refusals=wire.Error,
        publication=Publication(_TAGS, _BEARER, rates(per_key=120, uploads=20)),
    )
    app.router.add_api_route(
        PREFIX,
        identity.discover,
        methods=["GET"],
        response_model=identity.Discovery,
        operation_id="discover",
        summary="Discover the API",
        tags=["Identity"],
        responses=wire.document_refusals((RateLimited, Internal)),
    )
    for resource in (
        samples.samples,
        sample_tests.sample_tests,
        instrument_uploads.uploading(room),
        instrument_uploads.uploads,
        approvals.approvals,
        reference.reference,
        projects.projects,
        clients.clients,
        orders.orders,
        products.products,
        skus.skus,
        audit.audit,
        signatures.signatures,
        identity.identity,
    ):
        resource.install(app, PREFIX)
    return app
