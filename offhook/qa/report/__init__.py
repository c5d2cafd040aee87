"""The report of a run as one HTML page: what was heard, seen and found of each call."""
