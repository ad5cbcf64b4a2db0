"""`python -m titer`."""

from titer.cli import main

main()
