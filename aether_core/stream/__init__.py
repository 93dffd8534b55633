"""The stream between gateway and writer: contract, append, read, feed."""
