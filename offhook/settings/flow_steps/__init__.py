"""Reads the kinds of steps of a flow's file, each from its keys."""
