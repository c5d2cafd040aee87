"""Calls over PJSIP, by its Python module pjsua2: imported only where `sip.backend = "pjsua2"` asks for it."""
