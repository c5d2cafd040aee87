"""Where media meets the operating system: ports, the media clock, the line over UDP."""
