"""One call, whatever carries it."""
