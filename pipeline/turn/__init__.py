"""Turn-taking: the table of the floor's states, and the machine that runs it."""
