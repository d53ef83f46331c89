"""Environments, trainers and data of other packages: theirs as ours, ours as theirs. One file a package."""
