"""Publication: what a laboratory's clients see of their orders, samples and tests."""
