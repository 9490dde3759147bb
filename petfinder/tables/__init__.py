"""Many pets at once: folders, CSV, JSON and pandas tables, in and out. May use the domain."""
