"""Recognisers: the Protocol, the grammars they are given, one file an engine."""
