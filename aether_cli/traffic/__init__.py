"""Payments, invented or from a file, played through a gateway as any client would."""
