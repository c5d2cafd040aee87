"""For testing bots: callers, carriers, and a bad network."""
