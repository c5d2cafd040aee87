"""Recognisers: the protocol, grammars, and one file per engine."""
