"""The laboratory's clients: whose samples these are."""
