"""Octets from anybody, by the million: nothing but the declared errors, and what holds, holds."""
