"""Voices: the Protocol, what is done to text before and to speech after, one file an engine."""
