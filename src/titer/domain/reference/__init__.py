"""Reference data: material types, test definitions with their limits, storage locations."""
