"""Voices: the protocol, text and speech processing around it, and one file per engine."""
