"""Start the command: `python -m certs`."""

from certs.command import main

main(prog_name="python -m certs")
