"""`agentrl view RUN`: a run's stored episodes on one page, each token coloured by its credit."""
