"""Child processes for engines that hold the GIL or must stay out of the process."""
