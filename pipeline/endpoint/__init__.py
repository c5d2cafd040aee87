"""When the caller's turn is over."""
