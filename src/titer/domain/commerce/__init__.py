"""Commerce: what clients sell, and what they order."""
