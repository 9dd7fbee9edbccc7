"""What limits an import from this computer: disk, computer, link or gallery; and for how long.

A manifest is looked at by a sample, its pictures are read and sent into a rehearsal gallery on this
computer. Only where the user says how many may really go are some sent to the user's own gallery.
"""
