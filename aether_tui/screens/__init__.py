"""Screens: each arranges widgets and asks the gateway for what they show."""
