"""The gallery's aiohttp client: a request and a body go in, an Answer or a NoAnswer comes out.

client: one request · flight: what is known of it on its way · parcel: head, body and answer over a
connection · pour, pump, pumps: a large body, by the loop or past it · connector, keeping:
connections that may be used again · tls, encrypting: https on them · breaking: how
aiohttp's errors become words without a URL in them.
"""

from importer.transfer.transport.client import Transport

__all__ = ["Transport"]
