"""Playing episodes: messages to tokens, tokens to replies, replies to trajectories."""
