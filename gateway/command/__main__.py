"""`python -m gateway.command`."""

from gateway.command import main

main()
