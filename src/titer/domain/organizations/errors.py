"""What can go wrong with organizations and their plans."""

from titer.kit.errors import Denied


class SampleLimitExceeded(Denied):
    slug = "SAMPLE_LIMIT_EXCEEDED"
    message = "The monthly sample allowance of your plan is used up."
    members = ("code", "limit", "used", "resetsAt")
