"""The gallery's aiohttp client: a request and a body go in, an Answer or a NoAnswer comes out.

client: one request · flight: what is known of it on its way · connector: connections that may be
used again · breaking: how aiohttp's errors become words without a URL in them.
"""

from importer.transfer.transport.client import Transport

__all__ = ["Transport"]
