"""The audio front end, between the line and the speech detector: echo control, tone detection, noise suppression."""
