"""Who answered an outgoing call, by its audio. Pure."""
