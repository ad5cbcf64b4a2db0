"""What can go wrong with people."""

from titer.kit.errors import Conflict


class LastAdministrator(Conflict):
    slug = "last_administrator"
    message = "The last active administrator must stay one: make another person one first."
