"""How fast Titer is: against a floor that does the same work bare, and against its goals."""
