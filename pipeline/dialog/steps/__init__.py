"""The kinds of steps of a flow, a file each: values, where they lead, what is wrong with them, how they are run."""
