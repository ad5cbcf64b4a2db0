"""What can go wrong with samples."""

from titer.kit.errors import Conflict


class InvalidTransition(Conflict):
    slug = "invalid_transition"
    message = "The sample's status does not allow this."
    members = ("allowed", "blockers")
