"""The daemons behind the stream: writer and forecaster."""
