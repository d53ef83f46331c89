"""Models, log-probabilities, optimiser steps, checkpoints."""
