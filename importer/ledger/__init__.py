"""What happened, durably: the journal is the truth, the results file is drawn from it."""
