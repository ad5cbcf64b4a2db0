"""The command line: what an operator says to the server, its database and its organizations."""

from titer.cli.entry import main

__all__ = ["main"]
