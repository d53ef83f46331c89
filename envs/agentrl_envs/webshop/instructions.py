"""What the customer says: a plain form, and sentences of the kind people write.

Only the structure is paraphrased. The words that the reward reads (type, attributes, option values, price)
stand in every sentence as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from agentrl.errors import ConfigError, nearest

Instructions = Literal["templates", "plain"]
"""How goals are worded."""


@dataclass(frozen=True, slots=True)
class Template:
    """One sentence and how lists are put into it."""

    sentence: str
    """with {type}, {attributes}, {options}, {price}"""
    option: str = "{name} {value}"
    attribute_join: str = " and "
    option_join: str = " and "


TEMPLATES: tuple[Template, ...] = (
    Template(
        "i am looking for {type} that is {attributes}, with {options}, and price lower than {price} dollars"
    ),
    Template(
        "i need {attributes} {type} in {options}, and price lower than {price} dollars",
        "{value} {name}",
        ", ",
    ),
    Template(
        "find me {attributes} {type} with {options}, and price lower than {price} dollars",
        "{name}: {value}",
        ", ",
        ", and ",
    ),
    Template(
        "i want to buy {type}. it should be {attributes}. i would like {options}. please keep it"
        " under {price} dollars"
    ),
    Template(
        "looking for {type} under {price} dollars, {attributes}, {options}", "{value} {name}", ", ", ", "
    ),
    Template(
        "can you find {type} that is {attributes}? i like {options}. my budget is less than {price} dollars",
        "{value} for the {name}",
    ),
    Template("show me {options} {type} that is {attributes} for less than {price} dollars", "{value} {name}"),
    Template("for less than {price} dollars, i would like {type} with {options} that is {attributes}"),
    Template(
        "get me {type}, {options}, {attributes}, priced below {price} dollars", "{name} {value}", ", ", ", "
    ),
    Template(
        "my old {type} is gone, so i need a new one: {attributes}, {options}, below {price} dollars",
        "{value} {name}",
        ", ",
        ", ",
    ),
    Template("i have {price} dollars at most to spend on {type}. {attributes} please, and {options}"),
    Template(
        "please find {attributes} {type}. the {options}, price lower than {price} dollars",
        "{name} should be {value}",
        " ",
        " and the ",
    ),
    Template("is there {type} with {options}? it must be {attributes} and cost less than {price} dollars"),
    Template(
        "i would like {attributes} {type} and i prefer {options}, price lower than {price} dollars",
        "{value} {name}",
        ", ",
    ),
    Template(
        "shopping for {type} that must be {attributes}. {options}. no more than {price} dollars",
        "{name}: {value}",
        " and ",
        ". ",
    ),
    Template(
        "we need {type} for our home, {attributes}, with {options}, under {price} dollars",
        "{value} as {name}",
    ),
    Template(
        "a friend wants {type} in {options}; {attributes} is important, and price lower than {price} dollars",
        "{name} {value}",
        " and ",
        ", ",
    ),
    Template(
        "help me choose {type}: {options}, {attributes}, price below {price} dollars",
        "{value} {name}",
        " plus ",
        " plus ",
    ),
    Template(
        "i only buy {attributes} {type}. {options} would be best, and it must cost less than {price} dollars",
        "{name} {value}",
        " ",
    ),
    Template("under {price} dollars please: {attributes} {type}, {options}", "{name} {value}", ", ", ", "),
    Template(
        "do you have {type}, {options}, for under {price} dollars? i want it {attributes}",
        "{name} {value}",
        " and ",
        ", ",
    ),
    Template(
        "i am after {attributes} {type} with a price lower than {price} dollars and {options}",
        "{value} as the {name}",
        ", ",
    ),
    Template(
        "need a gift: {type}, {attributes}, {options}, less than {price} dollars",
        "{value} {name}",
        ", ",
        ", ",
    ),
    Template(
        "what is good {type} that is {attributes} and has {options} for a price lower than {price} dollars",
        "{name} {value}",
    ),
)

PLAIN = Template(
    "{type} , {attributes} , {options} , price lower than {whole} dollars", "{name} : {value}", " , ", " , "
)
"""Short and regular, for tiny models."""

UNPRICED = Template("i am looking for {type} that is {attributes}, with {options}.")
"""For a shop that adds a price clause of its own."""


def wording(
    phrase: str, attributes: Sequence[str], options: Mapping[str, str], price_upper: float, template: Template
) -> str:
    """Return the customer's sentence.

    >>> wording("lip balm", ["vegan"], {"pack": "two"}, 20, PLAIN)
    'lip balm , vegan , pack : two , price lower than 20 dollars'
    """
    return template.sentence.format(
        type=phrase,
        attributes=template.attribute_join.join(attributes),
        options=template.option_join.join(
            template.option.format(name=name, value=value) for name, value in options.items()
        ),
        price=f"{price_upper:.2f}",
        whole=f"{price_upper:g}",
    )


def templates(instructions: str) -> tuple[Template, ...]:
    """Return the sentences to choose from.

    Errors: ConfigError unless `instructions` is "templates" or "plain".
    """
    if instructions == "plain":
        return (PLAIN,)
    if instructions == "templates":
        return TEMPLATES
    allowed = get_args(Instructions)
    raise ConfigError(
        f"instructions={instructions!r} is not one of {', '.join(allowed)}{nearest(instructions, allowed)}"
    )
