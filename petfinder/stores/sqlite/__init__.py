"""The embedded store: one SQLite file, or memory, and a NumPy matrix of the vectors. May use sqlite3 and the domain."""
