"""Calls over PJSIP, by its Python module pjsua2, which is loaded only where `sip.backend = "pjsua2"` asks for it."""
