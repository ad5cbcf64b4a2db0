"""What can go wrong with instrument uploads."""

from titer.kit.errors import Conflict, Invalid


class UnreadableUpload(Invalid):
    slug = "unreadable_file"
    message = "The file holds no table of results that can be read."


class RowUnmatched(Conflict):
    slug = "row_unmatched"
    message = "The row names no scheduled test, so there is nothing to write it to."
