"""What can go wrong with people."""

from titer.kit.errors import Conflict, Denied


class WrongPassword(Denied):
    slug, message = "wrong_password", "The password is not right: nothing was signed."


class LastAdministrator(Conflict):
    slug = "last_administrator"
    message = "The last active administrator must stay one: make another person one first."
