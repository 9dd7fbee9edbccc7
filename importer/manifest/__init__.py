"""A file on disk becomes rows, and rows become pictures or problems."""
