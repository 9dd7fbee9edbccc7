"""Pictures behind URLs, downloaded by the importer itself, one attempt at a time.

web: the HTTP client, another one than the gallery's · hops: where a redirect may lead · resolving:
names become checked addresses · resume: the rest of a file, if it is still the same · codings: what
was compressed on the way · partial: what has come so far · spool: large ones lie on the disk until
they are sent · hosts, health: few places at each, and does a server of it work?
What is tried again, and when, is decided in fetching.py.
"""
