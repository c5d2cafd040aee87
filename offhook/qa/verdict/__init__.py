"""The verdict on a call: what was measured, against what was expected. Pure."""
