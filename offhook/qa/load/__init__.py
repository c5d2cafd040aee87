"""Many calls at once by call scripts: when they begin, what is kept of them, what they come to."""
