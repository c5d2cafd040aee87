"""Servers that speak the protocols of vendors, with their limits and faults: to test an engine, or a bot, without a key."""
