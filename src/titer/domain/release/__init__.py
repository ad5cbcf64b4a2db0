"""Release: approvals of results out of specification, the QC gate, reporting."""
