"""Intake: an order that comes with its samples."""
