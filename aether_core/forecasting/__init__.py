"""Forecasts of load as pure functions: history in, forecast out."""
