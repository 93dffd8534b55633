"""Fraud scoring as pure functions: state and transaction in, score and new state out."""
