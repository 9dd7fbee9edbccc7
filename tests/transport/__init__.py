"""The only aiohttp client, against bare sockets that misbehave on cue."""
