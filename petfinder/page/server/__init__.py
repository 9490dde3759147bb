"""The page for volunteers as Voila serves it: each visitor has a process of their own. May use every room below."""
