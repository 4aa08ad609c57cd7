"""What partners of the exchange install: the library and the `forewarn` command."""
