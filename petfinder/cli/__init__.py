"""The command line `petfinder`."""

from petfinder.cli.verbs import main

__all__ = ["main"]
