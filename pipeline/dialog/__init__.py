"""Dialogs: what to say next. A declarative flow and the pure interpreter that runs it."""
