"""The random customer: the floor that a policy is held against."""

import agentrl


def test_the_random_customer_plays_to_the_end_and_buys_the_right_thing_seldom() -> None:
    env = agentrl.make("webshop", view="handles", instructions="plain", products=100)
    solved = 0
    for number, task in enumerate(list(env.tasks("train"))[:60]):
        observation, _ = env.reset(options={"task": task})
        play, over = env.player("random", number), False
        while not over:
            observation, _, terminated, truncated, info = env.step(play(observation))
            over = terminated or truncated
        solved += info["success"]
    assert solved <= 6
