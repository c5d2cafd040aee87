"""The HTTP side: health, metrics, the pages and what they ask for, webhooks, and WebSockets of media streams."""
