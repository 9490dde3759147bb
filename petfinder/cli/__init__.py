"""The command line `petfinder`."""

from petfinder.cli import evaluate, train  # noqa: F401  # their verbs are there once they are imported
from petfinder.cli.verbs import main

__all__ = ["main"]
