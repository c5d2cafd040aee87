"""Who has the floor: the table of its states, and the machine that decides."""
