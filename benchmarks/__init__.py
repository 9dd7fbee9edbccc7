"""The importer measured against others, in one run each: ``python -m benchmarks.cpu``.

A figure of one run says nothing about the figure of another, since the machine's mood changes both.
So every command here runs all clients in turn, in another order each round, and prints medians and
ratios. A run counts only if the sink got every byte of every picture.
"""
