"""Signatures of people: who stood by which record, as it was, and what they meant by it."""
