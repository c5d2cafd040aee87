"""What was said, how much of it was sent, and how much of that was played."""
