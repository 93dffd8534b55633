"""The `aether` command: assembles and runs everything."""
