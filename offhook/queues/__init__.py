"""Queues of waiting callers: who is next, and which agent is called. Pure."""
