"""Two databases behind one door: SQLite in the process, PostgreSQL beside it."""
