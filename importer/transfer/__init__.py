"""Bytes move: from a disk through a request to a settled outcome."""
