"""Models of local engines: a catalogue, the folder that they are kept in, and how they get there."""
