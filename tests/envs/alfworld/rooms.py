"""A kitchen made by hand, small enough to know by heart, as a game and as a problem in PDDL."""

from agentrl_envs.alfworld.engine import Engine, Play
from agentrl_envs.alfworld.game import Game, Goal, Kind
from agentrl_envs.alfworld.pddl import problem
from agentrl_envs.alfworld.room import compiled

# Two drawers share a place; the table stands alone; the lamp is on the desk; nothing lies on the stool.
RECEPTACLES = {
    "cabinet_bar_1": ("CabinetType", "loc_bar_1"),
    "desk_bar_1": ("DeskType", "loc_bar_2"),
    "drawer_bar_1": ("DrawerType", "loc_bar_3"),
    "drawer_bar_2": ("DrawerType", "loc_bar_3"),
    "fridge_bar_1": ("FridgeType", "loc_bar_4"),
    "microwave_bar_1": ("MicrowaveType", "loc_bar_5"),
    "sink_bar_1_bar_sinkbasin": ("SinkBasinType", "loc_bar_6"),
    "table_bar_1": ("TableType", "loc_bar_7"),
    "stool_bar_1": ("StoolType", "loc_bar_7"),
}
OPENABLE = ("cabinet_bar_1", "drawer_bar_1", "drawer_bar_2", "fridge_bar_1", "microwave_bar_1")
OBJECTS = {
    "apple_bar_1": ("AppleType", "fridge_bar_1"),
    "apple_bar_2": ("AppleType", "table_bar_1"),
    "bowl_bar_1": ("BowlType", "table_bar_1"),
    "desklamp_bar_1": ("DeskLampType", "desk_bar_1"),
    "knife_bar_1": ("KnifeType", "drawer_bar_2"),
}
MARKS = {
    "pickupable": ("apple_bar_1", "apple_bar_2", "bowl_bar_1", "knife_bar_1"),
    "cleanable": ("apple_bar_1", "apple_bar_2", "bowl_bar_1"),
    "heatable": ("apple_bar_1", "apple_bar_2"),
    "coolable": ("apple_bar_1", "apple_bar_2"),
    "sliceable": ("apple_bar_1", "apple_bar_2"),
    "toggleable": ("desklamp_bar_1",),
    "isReceptacleObject": ("bowl_bar_1",),
}
HOLDS = ("AppleType", "BowlType", "KnifeType")
GOALS: dict[Kind, str] = {
    "pick_and_place_simple": """(exists (?r - receptacle) (exists (?o - object)
        (and (inReceptacle ?o ?r) (objectType ?o AppleType) (receptacleType ?r DrawerType))))""",
    "look_at_obj_in_light": """(exists (?ot - object ?r - receptacle ?a - agent ?l - location)
            (and (objectType ?ot DeskLampType) (toggleable ?ot) (isToggled ?ot)
                (receptacleAtLocation ?r ?l) (atLocation ?a ?l) (inReceptacle ?ot ?r)))
        (exists (?o - object ?a - agent) (and (objectType ?o BowlType) (holds ?a ?o)))""",
    "pick_clean_then_place_in_recep": """(exists (?r - receptacle) (exists (?o - object)
        (and (cleanable ?o) (objectType ?o BowlType) (receptacleType ?r CabinetType) (isClean ?o)
            (inReceptacle ?o ?r))))""",
    "pick_heat_then_place_in_recep": """(exists (?r - receptacle) (exists (?o - object)
        (and (heatable ?o) (objectType ?o AppleType) (receptacleType ?r TableType) (isHot ?o)
            (inReceptacle ?o ?r))))""",
    "pick_cool_then_place_in_recep": """(exists (?r - receptacle) (exists (?o - object)
        (and (coolable ?o) (objectType ?o AppleType) (receptacleType ?r CabinetType) (isCool ?o)
            (inReceptacle ?o ?r))))""",
    "pick_two_obj_and_place": """(exists (?r - receptacle) (exists (?o1 - object)
        (and (objectType ?o1 AppleType) (receptacleType ?r DrawerType) (inReceptacle ?o1 ?r)
            (exists (?o2 - object) (and (not (= ?o1 ?o2)) (objectType ?o2 AppleType)
                (receptacleType ?r DrawerType) (inReceptacle ?o2 ?r))))))""",
}


def text(kind: Kind = "pick_and_place_simple") -> str:
    """The kitchen as a problem with a goal of this sort."""
    facts = ["(atLocation agent1 loc_bar_0)", "(= (total-cost) 0)"]
    for receptacle, (sort, spot) in RECEPTACLES.items():
        facts += [f"(receptacleType {receptacle} {sort})", f"(receptacleAtLocation {receptacle} {spot})"]
        facts += [f"(canContain {sort} {item})" for item in HOLDS if sort != "StoolType"]
    facts += [f"(openable {receptacle})" for receptacle in OPENABLE]
    for item, (sort, receptacle) in OBJECTS.items():
        facts += [f"(objectType {item} {sort})", f"(inReceptacle {item} {receptacle})"]
        facts.append(f"(objectAtLocation {item} {RECEPTACLES[receptacle][1]})")
    facts += [f"({mark} {item})" for mark, items in MARKS.items() for item in items]
    facts.append("(inReceptacleObject apple_bar_2 bowl_bar_1)")
    lines = "\n    ".join(facts)
    return f"""(define (problem kitchen) ; made by hand
  (:domain alfred) (:objects agent1 - agent)
  (:init
    {lines}
  )
  (:goal (and {GOALS[kind]}))
)"""


def kitchen(kind: Kind = "pick_and_place_simple") -> Game:
    """The kitchen as a game."""
    facts, goal = problem(text(kind))
    assert isinstance(goal, Goal)
    return Game("kitchen", facts, goal, f"do {kind}.")


def playing(kind: Kind = "pick_and_place_simple", *commands: str) -> Play:
    """The kitchen being played, after these commands, all of which must be of use."""
    play = Play(Engine(compiled(kitchen(kind))))
    play.begin()
    for command in commands:
        assert play.do(command) is not None, command
    return play
