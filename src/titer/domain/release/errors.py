"""What can go wrong on the way to a report."""

from titer.kit.errors import Conflict


class QcFailed(Conflict):
    slug, message = "qc_failed", "The sample cannot be reported: a QC gate is not satisfied."
    members = ("blockers",)


class ApprovalDecided(Conflict):
    slug, message = "approval_decided", "This approval has already been decided."
    members = ("status",)
