"""Kills the real command at any instant, lets it go on, and holds its files against a server's."""
