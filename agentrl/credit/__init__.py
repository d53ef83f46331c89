"""Who earned what: pure functions from rewards and values to one number a turn or token."""
