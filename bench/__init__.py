"""Speed, memory and correctness, measured in one run beside what else could do the work."""
