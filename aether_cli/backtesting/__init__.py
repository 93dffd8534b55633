"""Backtests: what scoring would have said of a file, with nothing but what it knew by then."""
