"""The flight recorder: what the turn core of a call was given and what it decided, to run it again and to tune it."""
