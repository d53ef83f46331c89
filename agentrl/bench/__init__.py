"""`agentrl bench`: models and reference players on one fixed list of questions, side by side."""
