"""A run in several processes: the same results, and what comes of it when one of them dies."""
