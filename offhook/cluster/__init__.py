"""All cores: one supervisor with the signalling, workers with the calls, a nursery that forks the workers."""
