"""The audio front end, between the line and the speech detector: echo control, tones, noise suppression."""
