"""One end of the link, frame by frame; its table; and that nothing on the wire harms it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.link import arq, frames, link, link_states
from receiver.link.frames import ACK, DATA, HELLO, Frame
from receiver.link.link import Delivered, Down, Link, Lost, Message, Raw, Up
from tests.support.values.steps import Steps


def wire(kind: int, seq: int = 0, ack: int = 0, payload: bytes = b"", more: bool = False) -> bytes:
    return frames.encode(Frame(kind, more, seq, ack, 9, payload))


def hello(boot: bytes, peer: bytes, frame_max: int = 192, channel: int = link.ASKING) -> bytes:
    payload = frames.encode_hello(frames.Hello(boot, peer, frame_max, b"content"))
    return frames.encode(Frame(HELLO, False, 0, 0, channel, payload))


@pytest.fixture
def frame_max() -> int:
    """The largest frame that the peer takes."""
    return 192


@pytest.fixture
def host(frame_max: int) -> Link:
    """A host that is up and has said all it has to say."""
    host = Link(b"self", b"", host=True)
    host.receive(hello(b"peer", b"self", frame_max, link.SETTLED), 0)
    assert host.poll() == Up(b"content", True)
    assert host.transmit(0) == b""
    return host


def calls(end: Link, most: int) -> list[int]:
    """When an end writes by itself, so many times at most, while the link's state is as it was."""
    now, times, state = 0, list[int](), end.state
    steps = Steps(lambda: (now, end.deadline()))
    while len(times) < most and end.state == state:
        steps.take()
        if end.transmit(now):
            times.append(now)
        end.expire(now)
        now = max(now, end.deadline() or 0)
    return times


def sent(end: Link, now: int = 0) -> list[Frame]:
    items = list(frames.Decoder(frames.HOST_FRAME_MAX).receive(end.transmit(now)))
    return [item for item in items if isinstance(item, Frame)]


def events(end: Link) -> Iterator[link.Event]:
    return Steps(lambda: (end.state, end.deadline())).polled(end.poll)


# The table


def test_the_table_is_closed() -> None:
    """Every next state and action exists; what is missing is what no honest peer does."""
    for state in link_states.STATES:
        for event, (after, action) in link_states.TABLE[state].items():
            assert event in link_states.EVENTS
            assert after in (*link_states.STATES, link_states.HOME)
            assert callable(getattr(Link, action))
    missing = {
        (state, event)
        for state in link_states.STATES
        for event in link_states.EVENTS
        if event not in link_states.TABLE[state]
    }
    assert missing == {
        (link_states.SEEKING, frames.RESET),
        (link_states.UP, link_states.UNNAMED),
    }


@pytest.mark.parametrize("home", [link_states.SEEKING, link_states.GREETING])
def test_every_state_is_reached_and_left(home: int) -> None:
    def after(state: int) -> set[int]:
        steps = {step for step, _ in link_states.TABLE[state].values()}
        return {home if step == link_states.HOME else step for step in steps}

    reached = {home}
    while more := {step for state in reached for step in after(state)} - reached:
        reached |= more
    assert reached == {home, link_states.GREETING, link_states.UP}
    assert all(home in after(state) for state in reached)


@pytest.mark.parametrize(
    ("host", "state"), [(True, s) for s in range(3)] + [(False, 1), (False, 2)]
)
@pytest.mark.parametrize("event", link_states.EVENTS)
def test_every_pair_is_survived(host: bool, state: int, event: int) -> None:
    """A pair of the table does what it says, any other is counted."""
    end = Link(b"self", b"", host=host)
    end.state = state
    end._step(event)
    listed = event in link_states.TABLE[state]
    assert end.counters["strange"] == (0 if listed else 1)


# Greetings


def test_a_device_calls_for_ever_and_ever_slower() -> None:
    times = calls(Link(b"self", b"", host=False), 9)
    assert [b - a for a, b in pairwise(times)] == [150, 300, 600, *[1000] * 5]


def test_a_host_asks_twice_a_second() -> None:
    host, now = Link(b"self", b"", host=True), 0
    calls: list[int] = []
    steps = Steps(lambda: (now, host.deadline()))
    while len(calls) < 9:
        steps.take()
        if wire := host.transmit(now):
            assert wire == frames.encode(Frame(frames.RESET, False, 0, 0, 0, b""))
            calls.append(now)
        host.expire(now)
        now = max(now, host.deadline() or 0)
    assert calls == list(range(0, 9 * 500, 500))


def test_a_host_that_lost_the_device_asks_again() -> None:
    """It says nothing but RESET to a board that may be starting."""
    host, now = Link(b"self", b"", host=True), 0
    host.receive(hello(b"peer", frames.NO_ID), now)
    steps = Steps(lambda: (now, host.deadline()))
    while host.state == link_states.GREETING:
        steps.take()
        host.transmit(now)
        now = max(now, host.deadline() or 0)
        host.expire(now)
    assert host.state == link_states.SEEKING
    assert sent(host) == [Frame(frames.RESET, False, 0, 0, 0, b"")]


def test_a_looped_line_is_no_peer() -> None:
    for host in (False, True):
        end, now = Link(b"self", b"", host=host), 0
        for _ in range(20):
            end.receive(end.transmit(now), now)
            now = max(now, end.deadline() or 0)
            end.expire(now)
        assert end.state != link_states.UP
        assert end.counters["strange"] > 0


# Messages


def test_a_message_may_be_empty(host: Link) -> None:
    token = host.send(7, b"")
    assert sent(host) == [Frame(DATA, False, 0, 0, 7, b"")]
    host.receive(wire(ACK, ack=1), 0)
    assert host.poll() == Delivered(7, token)


def test_an_acknowledgement_hands_over_responsibility(host: Link) -> None:
    host.receive(wire(DATA, 0, payload=b"approval"), 0)
    message = host.poll()
    assert isinstance(message, Message)
    assert sent(host) == []
    host.receive(wire(DATA, 0, payload=b"approval"), 150)
    assert host.poll() is None
    assert sent(host) == []
    assert host.accept(message.token)
    assert sent(host) == [Frame(ACK, False, 0, 1, 0, b"")]
    assert not host.accept(message.token)
    host.receive(wire(DATA, 0, payload=b"approval"), 300)
    assert host.poll() is None
    assert sent(host) == [Frame(ACK, False, 0, 1, 0, b"")]
    assert host.counters["duplicates"] == 2


def test_a_hello_that_is_settled_gets_no_answer(host: Link) -> None:
    host.receive(hello(b"peer", b"self", channel=link.SETTLED), 0)
    assert host.transmit(0) == b""
    assert host.poll() is None


def test_a_hello_that_asks_gets_an_answer_and_the_message_again(host: Link) -> None:
    host.send(1, b"message")
    [message] = sent(host)
    host.receive(hello(b"peer", b"self", channel=link.ASKING), 10)
    answer, again = sent(host)
    assert (answer.kind, answer.channel) == (HELLO, link.SETTLED)
    assert again == message
    assert host.poll() is None


@pytest.mark.parametrize("named", [frames.NO_ID, b"else"])
def test_a_peer_that_forgot_this_end_is_a_new_one(named: bytes, host: Link) -> None:
    host.send(1, b"message")
    host.receive(hello(b"peer", named), 0)
    assert list(events(host)) == [Down(link.REBOOTED), Lost((arq.Queued(1, b"message", 1),))]
    host.receive(hello(b"peer", b"self"), 0)
    assert host.poll() == Up(b"content", True)


@pytest.mark.parametrize("ack", [0, 2, 255])
def test_only_the_next_number_acknowledges(ack: int, host: Link) -> None:
    host.send(1, b"message")
    host.transmit(0)
    host.receive(wire(ACK, ack=ack), 0)
    assert host.poll() is None
    assert host.deadline() == link_states.RETRY_MS


def test_a_number_out_of_order_is_strange(host: Link) -> None:
    host.receive(wire(DATA, 2, payload=b"message"), 0)
    assert host.poll() is None
    assert host.transmit(0) == b""
    assert host.counters["strange"] == 1


def test_a_message_of_an_old_boot_cannot_be_accepted(host: Link) -> None:
    host.receive(wire(DATA, payload=b"old"), 0)
    old = host.poll()
    host.receive(hello(b"new!", b"self"), 1)
    host.receive(wire(DATA, payload=b"new"), 2)
    _down, _up, new = events(host)
    assert isinstance(old, Message)
    assert isinstance(new, Message)
    assert not host.accept(old.token)
    assert host.accept(new.token)


def test_parts_are_acknowledged_at_once_and_the_last_is_not(host: Link) -> None:
    host.receive(wire(DATA, 0, payload=b"one ", more=True), 0)
    assert sent(host) == [Frame(ACK, False, 0, 1, 0, b"")]
    host.receive(wire(DATA, 1, payload=b"two"), 0)
    assert sent(host) == []
    assert host.poll() == Message(9, b"one two", 1)


def test_data_carries_the_acknowledgement(host: Link) -> None:
    host.receive(wire(DATA, 0, payload=b"one", more=True), 0)
    host.send(3, b"two")
    assert sent(host) == [Frame(DATA, False, 0, 1, 3, b"two")]


@pytest.mark.parametrize(
    ("frame_max", "size"),
    [(64, 64), (4096, frames.FRAME_MAX)],
    ids=["as small as the peer's", "no longer than a device's ring allows"],
)
def test_frames_are_as_long_as_the_peer_can_take(host: Link, size: int) -> None:
    host.send(1, bytes(1000))
    assert len(host.transmit(0)) == size


def test_a_message_that_grows_too_long_is_refused_and_the_link_survives(host: Link) -> None:
    seq = 0
    for more in [*[True] * 9, False]:
        host.receive(wire(DATA, seq, payload=bytes(240), more=more), 0)
        seq += 1
        assert sent(host)[-1].ack == seq
    assert host.poll() is None
    assert host.counters["oversize"] == 1
    host.receive(wire(DATA, seq, payload=b"short"), 0)
    assert host.poll() == Message(9, b"short", 1)


def test_a_full_queue_refuses(host: Link) -> None:
    tokens = [host.send(1, bytes(arq.MESSAGE_MAX - arq.QUEUE_ENTRY)) for _ in range(3)]
    assert tokens == [1, 2, 0]
    with pytest.raises(ValueError, match="too long"):
        host.send(1, bytes(arq.MESSAGE_MAX + 1))


def test_retries_double_and_end(host: Link) -> None:
    host.send(1, b"?")
    assert calls(host, 9) == [0, 150, 450, 1050, 2250, 4650]
    assert host.counters["retransmits"] == 5
    assert host.poll() == Down(link.SILENT)


def test_the_timer_starts_when_the_frame_is_written(host: Link) -> None:
    """Sent after a long silence: the machine last heard of the time at 0."""
    host.send(1, b"?")
    assert host.transmit(10_000)
    assert host.deadline() == 10_150
    host.expire(10_149)
    assert host.transmit(10_149) == b""
    host.expire(10_150)
    assert host.transmit(10_150)


def test_logs_are_slow_and_dropped_first() -> None:
    device = Link(b"self", b"", host=False)
    device.receive(hello(b"peer", b"self", 256, link.SETTLED), 0)
    assert [device.log(b"line %d" % n) for n in range(9)] == [True] * 8 + [False]
    assert device.counters["dropped_logs"] == 1
    device.transmit(0)
    assert device.transmit(0) == b""
    assert device.deadline() == link.LOG_MS
    device.expire(link.LOG_MS)
    assert sent(device, link.LOG_MS) == [Frame(frames.LOG, False, 0, 0, 0, b"line 1")]


def test_text_between_frames_is_raw_and_disturbs_nothing(host: Link) -> None:
    text = b"Traceback (most recent call last):\r\n"
    host.receive(text + wire(DATA, payload=b"message"), 0)
    assert list(events(host)) == [Raw(text, frames.TEXT), Message(9, b"message", 1)]
    assert host.counters["garbage"] == 0


def test_last_words_are_heard_without_a_delimiter(host: Link) -> None:
    host.receive(b"MemoryError\r\n", 100)
    assert host.poll() is None
    assert host.deadline() == 100 + link.STALE_MS
    host.expire(100 + link.STALE_MS)
    assert host.poll() == Raw(b"MemoryError\r\n", frames.TEXT)
    assert host.deadline() is None


def test_a_deaf_application_holds_the_link_not_the_memory(host: Link) -> None:
    for _ in range(10 * link.EVENTS_MAX):
        host.receive(b"garbage\0", 0)
    host.receive(wire(DATA, payload=b"message"), 0)
    assert len(list(events(host))) == link.EVENTS_MAX
    assert host.counters["deaf"] == 9 * link.EVENTS_MAX + 1
    host.receive(wire(DATA, payload=b"message"), 150)
    assert host.poll() == Message(9, b"message", 1)


@pytest.mark.parametrize(
    ("boot", "content"), [(bytes(4), b""), (b"abc", b""), (b"self", bytes(172))]
)
def test_a_misused_constructor_says_so(boot: bytes, content: bytes) -> None:
    with pytest.raises(ValueError, match="boot or hello"):
        Link(boot, content, host=True)


ANY_FRAME = st.builds(
    lambda kind, more, numbers, payload: frames.encode(
        Frame(kind, more, numbers[0], numbers[1], numbers[2], payload)
    ),
    st.sampled_from(sorted(frames.KINDS)),
    st.booleans(),
    st.tuples(*[st.integers(0, 3)] * 3),
    st.one_of(
        st.binary(max_size=245),
        st.builds(
            lambda boot, peer: boot + peer + b"\x00\xc0",
            *[st.sampled_from([b"self", b"peer", b"else", bytes(4)])] * 2,
        ),
    ),
)


@given(st.booleans(), st.lists(st.one_of(st.binary(max_size=300), ANY_FRAME), max_size=80))
@settings(deadline=None)
def test_nothing_on_the_wire_raises_or_grows(host: bool, chunks: list[bytes]) -> None:
    """Whatever comes, polled or not: a bounded answer, bounded events, and it still works."""
    end = Link(b"self", b"", host=host)
    for now, chunk in enumerate(chunks):
        end.send(1, b"message")
        end.receive(chunk, now)
        end.expire(now)
        assert len(end.transmit(now)) <= 3 * frames.HOST_FRAME_MAX
        assert len(end._events) <= link.EVENTS_MAX + 4
    assert len(list(events(end))) <= link.EVENTS_MAX + 4
    end.receive(b"\0" + hello(b"true", b"self"), len(chunks))
    assert end.state == link_states.UP
