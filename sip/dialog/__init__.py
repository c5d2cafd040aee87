"""Dialogs and the INVITE usage (RFC 3261 §12 to §15)."""
