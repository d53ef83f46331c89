"""placeholder"""
from agentrl_envs.code.problem import Problem
def read(data: str, split: str) -> list[Problem]:
    raise NotImplementedError
