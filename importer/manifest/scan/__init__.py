"""A folder tree becomes a manifest; ``scanning`` shows the steps, what it can't decide stays blank.

walk (folders, in natural order) -> placing (which collection, which tag) -> look (size, EXIF)
-> spool (on the disk) -> deciding (one date a collection) -> write (CSV or xlsx, in one step)
"""
