"""The Results API put together."""

from fastapi import FastAPI

from titer import __version__
from titer.domain.keys.rules import PREFIX as LAB_PREFIX
from titer.domain.keys.rules import RESULTS_PREFIX
from titer.domain.keys.service import KeyUses
from titer.kit.db.engine import Database
from titer.kit.web.application import make
from titer.kit.web.publication import Publication
from titer.kit.web.rate_limit import Rates
from titer.kit.windows import Limit
from titer.surfaces.results import orders, products, tests, wire
from titer.surfaces.results.access import ResultsFace

#: The paths that belong to this face; the last has its published document.
PREFIXES = ("/api/tests", "/api/orders", "/api/products", "/api/skus", "/api/results")
_DESCRIPTION = """\
Read what the laboratory has published: tests with their results, orders, products.

Send `Authorization: Bearer lr_...` with every request; the laboratory gives you the key, and it
shows your own orders, samples and tests. Lists take `page` (from 1) and `per_page` (default 20, at
most 100); follow `next_page` until it is null.
"""
_BEARER = "A results key, `lr_...`; or one of the laboratory's own, `lk_...`, with `read`."
_TAGS = {
    "Tests": "What was tested, and with what result once it is published.",
    "Orders": "What was submitted, and how far it has come.",
    "Products": "Products and the variants that they are sold as.",
}


def rates(*, per_key: int) -> Rates:
    """What a key may do in a minute, apart from what it may do elsewhere."""
    return Rates(RESULTS_PREFIX, Limit("results", per_key), also=(LAB_PREFIX,))


def build(database: Database, uses: KeyUses) -> FastAPI:
    app = make(
        ResultsFace(database, uses),
        prefix="/api/results",
        title="Titer Results API",
        version=__version__,
        description=_DESCRIPTION,
        refusals=wire.Error,
        publication=Publication(_TAGS, _BEARER, rates(per_key=300)),
    )
    for resource in (tests.tests, orders.orders, products.products):
        resource.install(app, "/api")
    return app
