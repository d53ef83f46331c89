"""Processes that share a run's work, on one machine or on several: started, called, watched, ended.

`base` says what a host of processes does, `local` and `ray` are the two there are. What runs in them knows
neither: it is a plain object whose methods are called one at a time.
"""
