"""Passwords, tokens and roles."""
