"""Child processes for engines that hold the GIL or must run in a process of their own."""
