"""What brings calls: SIP, and carriers' media streams."""
