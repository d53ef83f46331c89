"""What players say."""

import copy
import pickle

from agentrl.players import Reasoned


def test_a_reasoned_action_is_the_action_and_copies_keep_its_thought() -> None:
    said = Reasoned("7", "5 to 9")
    assert (said, said.thought) == ("7", "5 to 9")
    for other in (copy.deepcopy(said), pickle.loads(pickle.dumps(said))):
        assert (other, other.thought) == ("7", "5 to 9")
