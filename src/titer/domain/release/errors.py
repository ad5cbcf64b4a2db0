"""What can go wrong on the way to a report."""

from titer.kit.errors import Conflict, Denied


class QcFailed(Conflict):
    slug, message = "qc_failed", "The sample cannot be reported: a QC gate is not satisfied."
    members = ("blockers",)


class SignatureRequired(Denied):
    slug = "signature_required"
    message = "Your organization wants a person's signature for this: sign in and sign it there."


class ApprovalDecided(Conflict):
    slug, message = "approval_decided", "This approval has already been decided."
    members = ("status",)
