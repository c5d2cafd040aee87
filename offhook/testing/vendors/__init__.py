"""Servers that speak the protocols of vendors, limits and faults included: to test engines and bots without a key."""
