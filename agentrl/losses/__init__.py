"""What is minimised: pure functions from log-probabilities and credit to a number a token, pair or batch."""
