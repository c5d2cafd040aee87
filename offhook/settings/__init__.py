"""Settings and flow files: their formats, sources and error messages."""
