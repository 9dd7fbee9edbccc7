"""Signals to the real command at any instant: it ends in time, and nothing is lost or doubled."""
