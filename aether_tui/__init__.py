"""The operations console; it knows the engine only over HTTP."""
