"""Reference numbers, run through the public functions: `python -m tests.golden`."""
