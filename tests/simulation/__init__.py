"""The real engine on a simulated clock, network and disk; a seed gives every latency and every fault.

loop: time that passes only when nothing else can happen · network: a gallery with a book of its own ·
disk: where SQLite fails, and where the power goes · watch: what must hold after each step · plan: a
seed's trial · trial: runs it. Nothing sleeps, so an hour's outage takes milliseconds.
"""
