"""The Results API, `/api/tests` and its kin: what a laboratory's clients read."""
