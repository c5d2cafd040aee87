"""Delivers the outbox (`records.outbox`): events of calls to webhooks, messages to mailboxes."""
