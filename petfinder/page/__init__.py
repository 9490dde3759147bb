"""The page for volunteers: the notebook front end, shown by Voila to whoever has the address."""
