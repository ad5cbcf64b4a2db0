"""The command line: what an operator says to the server, its database and its organizations."""

import gc

# Loading makes half a million objects, and all of them stay: a collector that looks at them again
# and again meanwhile takes a third of the time.
gc.disable()
from titer.cli.entry import main  # noqa: E402

gc.freeze()
gc.enable()

__all__ = ["main"]
