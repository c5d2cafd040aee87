"""Testing of phone systems: what was heard and sent on the line, judged. The command is `offhook qa`."""
