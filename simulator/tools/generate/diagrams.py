"""Draw a transition table as a Mermaid diagram, which GitHub shows, with the whole table below."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from .markdown import folded, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Table = Mapping[str, Mapping[str, str]]

# A transition that so many states share is drawn once: all its arrows would cover the rest.
COMMON_LEAST = 5


def machine(exits: Table, start: str) -> str:
    """Return the diagram of a state machine, what it leaves out, and its table."""
    common = _common(exits)
    rows = [(state, _transitions(events)) for state, events in exits.items()]
    parts = [_diagram(exits, start, common), _left_out(common)]
    parts.append(folded("Every state and event", table(("state", "event → next state"), rows)))
    return "\n\n".join(parts)


def _common(exits: Table) -> dict[str, str]:
    """Return the transitions, event → next state, that many states share."""
    pairs = Counter(pair for state in exits for pair in _moves(exits, state))
    return {event: after for (event, after), states in pairs.items() if states >= COMMON_LEAST}


def _moves(exits: Table, state: str) -> list[tuple[str, str]]:
    """Return the transitions that leave a state."""
    return [(event, after) for event, after in exits[state].items() if after != state]


def _diagram(exits: Table, start: str, common: Mapping[str, str]) -> str:
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f'    state "{state}" as {_id(state)}' for state in exits if " " in state]
    lines.append(f"    [*] --> {_id(start)}")
    lines += [
        f"    {_id(a)} --> {_id(b)} : {', '.join(events)}"
        for a, b, events in _arrows(exits, common)
    ]
    lines += [f"    {_id(state)} --> [*]" for state in exits if not _moves(exits, state)]
    return "\n".join([*lines, "```"])


def _arrows(exits: Table, common: Mapping[str, str]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield one arrow for all events that lead from one state to another."""
    drawn: set[str] = set()
    for state in exits:
        arrows: dict[str, list[str]] = defaultdict(list)
        for event, after in _moves(exits, state):
            if common.get(event) != after or event not in drawn:
                arrows[after].append(event)
            drawn.add(event)
        yield from ((state, after, events) for after, events in arrows.items())


def _left_out(common: Mapping[str, str]) -> str:
    text = "Events that leave the state as it is are not drawn."
    if not common:
        return text
    return f"{text} Drawn once, and possible in more states: {_transitions(common)}."


def _transitions(events: Mapping[str, str]) -> str:
    return ", ".join(f"{event} → {after}" for event, after in events.items())


def _id(state: str) -> str:
    return state.replace(" ", "_")
