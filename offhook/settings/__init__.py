"""Settings and flows: what may be written, where it is read from, what is wrong with it."""
