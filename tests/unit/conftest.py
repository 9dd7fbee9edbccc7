"""How properties are tried here: the same examples each time, none of them against a clock."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unit", max_examples=100, deadline=None, derandomize=True, database=None)
settings.load_profile("unit")
