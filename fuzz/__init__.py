"""Fuzz targets: arbitrary bytes must raise declared errors only, and leave all invariants intact."""
