"""Echo guard: distinguishes the bot's own echo from a caller, and subtracts it once its path is known."""
