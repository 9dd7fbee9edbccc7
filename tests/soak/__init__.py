"""The real command for as long as one likes, with some faults among its rows: does anything grow?"""
