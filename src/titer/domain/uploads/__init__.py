"""Instrument uploads: results read from a file, reviewed, written, learned from."""
