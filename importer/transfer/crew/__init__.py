"""Several processes for one run: the engine stays in one, others read pictures and send them.

crew: who does what · member: another process as the engine sees it · shares: how the work is
divided, arithmetic · speech: what they tell each other, as plain values · outbox: those brought
together · frames: plain values as bytes on a pipe. In the other process: start: its first steps ·
helper: its work · pipes: its ends of the pipes.
"""
