"""What stands between the line and the speech detector: the bot's own echo, tones, music."""
