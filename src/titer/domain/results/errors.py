"""What can go wrong with results."""

from titer.kit.errors import Conflict, Denied, Misused


class ResultLocked(Conflict):
    slug, message = "test_verified_locked", "The result is verified and locked."


class NoResult(Conflict):
    slug, message = "no_result", "The test has no result to verify."


class BulkFailed(Conflict):
    slug = "bulk_failed"
    message = "Some rows could not be written, so none was: the call was atomic."
    members = ("updated", "failed", "results")


class SecondPersonRequired(Denied):
    slug = "second_person_required"
    message = "Whoever entered a result may not verify it. Ask a colleague."


class DuplicateInRequest(Misused):
    slug = "duplicate_in_request"
    message = "An earlier row of this request names the same test."
