"""`offhook trunk check`: tries a trunk step by step, as the bot would use it, beside a bot that runs."""
