"""Observability: log, metrics, traces, live calls."""
