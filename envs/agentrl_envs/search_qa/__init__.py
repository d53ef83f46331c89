"""Questions about a corpus that is searched, generated here or read from files."""

from agentrl_envs.search_qa.env import SearchQA

__all__ = ["SearchQA"]
