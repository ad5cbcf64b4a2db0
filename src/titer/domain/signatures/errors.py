"""What can go wrong with signing."""

from titer.kit.errors import Conflict


class AlreadyReported(Conflict):
    slug, message = "already_reported", "The sample is reported already: nothing was signed."
