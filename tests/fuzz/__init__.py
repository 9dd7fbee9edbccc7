"""Answers of all kinds, and then broken ones, to the real transport: none is taken for a yes."""
