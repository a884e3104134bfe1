"""No silent second beyond the third: what the phone says while it waits, in virtual time."""

from __future__ import annotations

import asyncio
import string
from itertools import pairwise

import pytest

from receiver import reasons
from simulator.phone.app.companion import HELP_AFTER_S, Companion
from simulator.phone.app.screen import sentence
from simulator.phone.app.sentences import (
    BUSY,
    CONNECTING,
    HELP,
    LANGUAGES,
    SEARCHING,
    SENTENCES,
    WAITS,
)
from simulator.phone.app.visit import Step
from simulator.phone.conversation import events
from simulator.virtual.loop import Loop


def told(script: dict[float, Step], until: float) -> list[Step]:
    """Play steps at their times; return all that an observer hears until a time."""
    heard: list[Step] = []

    async def play() -> None:
        loop = asyncio.get_running_loop()
        companion = Companion(heard.append)
        for at, step in script.items():
            loop.call_at(at, companion.step, step._replace(at=at))
        await asyncio.sleep(until)
        companion.close()
        await asyncio.sleep(2 * HELP_AFTER_S)

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(play())
    return heard


def step(name: str, **details: object) -> Step:
    return Step(name, 0.0, details)


def help_of(heard: list[Step]) -> list[str]:
    return [one.details["en"] for one in heard if one.name == "help"]


def test_every_three_seconds_another_thing_that_may_help() -> None:
    heard = told({0.0: step("scanning")}, until=5 * HELP_AFTER_S + 0.1)
    texts = [words.en for words in HELP[SEARCHING]]
    assert help_of(heard) == [*texts, texts[0]]
    assert max(after.at - before.at for before, after in pairwise(heard)) < HELP_AFTER_S + 0.001


def test_who_needs_no_help_gets_none() -> None:
    script = {0.0: step("scanning"), 1.0: step("found"), 2.0: step("connected")}
    script[2.5] = step(events.SHOWN)
    assert help_of(told(script, until=60.0)) == []


def test_help_is_about_what_is_awaited_now() -> None:
    script = {0.0: step("scanning"), 2.0: step("found", why="alone")}
    assert help_of(told(script, until=2.0 + HELP_AFTER_S + 0.1)) == [HELP[CONNECTING][0].en]


def test_a_till_that_serves_another_phone() -> None:
    busy = step("again", why=reasons.name(reasons.BUSY))
    heard = told({0.0: busy}, until=HELP_AFTER_S + 0.1)
    assert help_of(heard) == [HELP[BUSY][0].en]
    assert sentence(heard[0]) == SENTENCES["again busy"].en


def test_another_try_goes_on_with_the_next_help() -> None:
    """It would say the first again and again to a buyer whose connection fails again and again."""
    script = {0.0: step("found", why="alone"), 4.0: step("connect_failed", error="133")}
    assert help_of(told(script, until=7.5)) == [words.en for words in HELP[CONNECTING]]


def test_steps_that_are_not_shown_postpone_nothing() -> None:
    script = {0.0: step("scanning"), 2.0: step("settled")}
    assert len(help_of(told(script, until=HELP_AFTER_S + 0.1))) == 1


@pytest.mark.parametrize("name", [events.SHOWN, events.ASKED, "several", "done"])
def test_a_buyer_who_reads_is_not_hurried(name: str) -> None:
    assert help_of(told({0.0: step("scanning"), 1.0: step(name)}, until=60.0)) == []


# The tables.


def test_each_wait_has_help() -> None:
    assert set(WAITS.values()) == set(HELP)


def test_each_step_that_begins_a_wait_is_said() -> None:
    said = {name.split()[0] for name in SENTENCES}
    assert {name.split()[0] for name in WAITS} - said == {"preparing"}  # what follows is at once


def fields(text: str) -> set[str]:
    """The details of its step that a sentence names."""
    return {field for _, field, _, _ in string.Formatter().parse(text) if field}


@pytest.mark.parametrize("name", SENTENCES)
def test_both_languages_say_the_same_things(name: str) -> None:
    words = SENTENCES[name]
    assert fields(words.sv) <= fields(words.en)
    assert not set("åäöÅÄÖ") & set(words.en)


@pytest.mark.parametrize("wait", HELP)
def test_help_can_be_read_in_time(wait: str) -> None:
    for words in HELP[wait]:
        for text in words:
            assert text[0].isupper()
            assert text.endswith((".", "?"))
            assert len(text) <= 90  # two lines on a phone, read in three seconds
        assert not set("åäöÅÄÖ") & set(words.en)


def test_help_is_said_in_the_buyers_language() -> None:
    heard = told({0.0: step("scanning")}, until=HELP_AFTER_S + 0.1)
    assert [sentence(heard[-1], language) for language in LANGUAGES] == list(HELP[SEARCHING][0])
