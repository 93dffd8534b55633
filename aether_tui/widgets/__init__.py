"""Widgets: each shows one thing and fetches nothing."""
