"""Webhooks: telling the systems of clients, when a test is published."""
