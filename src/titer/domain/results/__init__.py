"""Results: entering, bulk entry, verification and its lock, history."""
