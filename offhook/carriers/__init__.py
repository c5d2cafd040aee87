"""Carriers: SIP and media streams."""
