"""What a user writes a bot against."""
