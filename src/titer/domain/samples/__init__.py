"""Samples and their scheduled tests: intake, receipt, workflow status."""
