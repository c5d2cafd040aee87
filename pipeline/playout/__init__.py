"""What was said, what of it has left, and what of it was heard."""
