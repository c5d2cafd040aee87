"""SIPp scenarios as they are: run by SIPp, with what the bot's records add."""
