"""The processes: a supervisor with the signalling, workers with the calls, a fork server that makes workers."""
