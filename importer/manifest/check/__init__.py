"""The findings of a whole manifest: what is in it, what is wrong with it, and the cure; pure."""
