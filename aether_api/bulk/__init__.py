"""Bulk: many transactions in one request; streamed in and out, or all of them together."""
