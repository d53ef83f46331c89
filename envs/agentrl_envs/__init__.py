"""Plug-ins of agentrl, registered through entry points."""
