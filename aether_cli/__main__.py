"""`python -m aether_cli`: the `aether` command."""

from aether_cli.main import main

main()
