"""API keys: what a machine shows to act for an organization."""
