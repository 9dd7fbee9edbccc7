"""Every row of the fault table: one entry that says what must come of it, and the tests that show it.

``table`` is the list; ``network`` and ``machine`` hold its entries; docs/faults.md is drawn from it by
``python -m tests.faults``, and a test compares. A test says which entry it shows with ``@shows(12)``.
"""
