"""Transfers of calls: the state machine that owns every leg, and what it needs. Pure."""
