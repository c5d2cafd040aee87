"""Our own registrar (RFC 3261 §10.3): phones register with us, and are called where they are."""
