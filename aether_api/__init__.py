"""The gateway: HTTP in, stream append, queries out, live feed, and the built dashboard."""
