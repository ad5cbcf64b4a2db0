"""Imports every module of rows once, so that the mapping is whole wherever it is needed."""

from titer.domain.audit import models as audit
from titer.domain.clients import models as clients
from titer.domain.commerce import models as commerce
from titer.domain.keys import models as keys
from titer.domain.organizations import models as organizations
from titer.domain.people import models as people
from titer.domain.projects import models as projects
from titer.domain.publication import models as publication
from titer.domain.reference import models as reference
from titer.domain.release import models as release
from titer.domain.results import models as results
from titer.domain.samples import models as samples
from titer.domain.signatures import models as signatures
from titer.domain.uploads import models as uploads
from titer.domain.webhooks import models as webhooks
from titer.kit import idempotency
from titer.kit.owned import Base

MODELS = (
    audit,
    clients,
    commerce,
    keys,
    organizations,
    people,
    projects,
    publication,
    reference,
    release,
    results,
    samples,
    signatures,
    uploads,
    webhooks,
    idempotency,
)
metadata = Base.metadata
