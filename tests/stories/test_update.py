"""The receiver's real firmware is updated through the bridge, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bridge.cli.main import main
from firmware.tools.package import build
from firmware.tools.package.build import Built, Options
from firmware.tools.package.targets import UNIX
from receiver.link.service_wire import CHUNK_MOST
from simulator.world.receiver_command import BUILT
from simulator.world.world import TILL, Settings
from tests.support.world.checkout import Checkout, checkout
from tests.support.world.siege import pays
from tests.support.world.updating import Updating, payload, slot_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long]

# Up to the one in which the new firmware sells.
PHASES = ["starting", "proving", "testing", "trying", "settling"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("release") / "built"
    return build.build(UNIX, folder, Options(release=1, dirty=True))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def counter(
    built: Built, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Checkout]:
    """A world whose receiver was flashed with release 1."""
    flashed = slot_of(built, 1, tmp_path_factory.mktemp("flashed") / "slot")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(BUILT, str(flashed))
        async with checkout(Settings(rate=0)) as one:
            yield one


@pytest.fixture
def updating(till: Checkout, built: Built) -> Updating:
    return Updating(till, built)


async def newest(updating: Updating) -> int:
    """The release that runs, as far as the bridge knows."""
    release: int = (await updating.look())["release"] or 1
    return release


async def test_by_command_and_it_sells(
    updating: Updating, capfd: pytest.CaptureFixture[str]
) -> None:
    """A sale meanwhile is declined at once; afterwards the new firmware sells."""
    updating.publish(2)
    world = updating.till.world
    command = ["update", "now", "--till", str(TILL), "--config", str(world.bridge.config)]
    running = asyncio.create_task(
        asyncio.to_thread(main, [*command, "--till-api", world.bridge.till_api])
    )
    await updating.at("sending", CHUNK_MOST)
    sale = await world.till.ring_up(24_900)
    assert (sale["state"], sale["reason"]["code"]) == ("declined", "in_service")
    assert await running == 0
    said = capfd.readouterr()
    assert "release 2 (0.2.0) is installed" in said.out
    assert "sending: " in said.err
    found = await updating.look()
    assert (found["release"], found["up"]) == (2, True)
    [view] = world.authority.office.store.rows("SELECT outcome, reason FROM update_outcomes")
    assert tuple(view) == ("installed", 0)


@pytest.mark.parametrize("part", [0.0, 0.5, 0.9], ids=["first", "middle", "last"])
async def test_power_is_cut_at_a_chunk(updating: Updating, part: float) -> None:
    """The board sells again by itself, and the same update goes on where it was."""
    release = await newest(updating) + 1
    size = len(payload(updating.built))
    updating.publish(release)
    attempt = await updating.order()
    before = (await updating.at("sending", int(part * size)))["update"]
    await updating.till.ask("reset")
    await updating.at("calling")  # it sells, and is called once more
    resumed = (await updating.at("sending"))["update"]
    assert resumed["offset"] >= before["offset"] - CHUNK_MOST  # nothing is sent twice
    update = await updating.ended(attempt)
    assert (update["outcome"], update["release"]) == ("installed", release)


@pytest.mark.parametrize("phase", ["starting", "trying"])
async def test_power_is_cut_in_the_trial(updating: Updating, phase: str) -> None:
    """The loader discards the trial; the trial begins again, and nothing is sent again."""
    release = await newest(updating) + 1
    updating.publish(release)
    attempt = await updating.order()
    await updating.until(
        lambda receiver: bool(
            receiver["update"]
            and receiver["update"]["attempt"] >= attempt
            and receiver["update"]["phase"] in PHASES[PHASES.index(phase) :]
        )
    )
    await updating.till.ask("reset")
    update = await updating.ended(attempt)
    assert (update["outcome"], update["release"]) == ("installed", release)


@pytest.mark.parametrize(
    ("signers", "damage", "reason"),
    [(1, False, "too_few_signatures"), (2, True, "wrong_hash")],
    ids=["half-signed", "altered"],
)
async def test_a_false_release_reaches_no_board(
    updating: Updating, signers: int, damage: bool, reason: str
) -> None:
    """Not even where the authority itself was made to offer it."""
    release = await newest(updating) + 1
    data = payload(updating.built)
    false = data[:-1] + bytes([data[-1] ^ 1]) if damage else data
    id_ = updating.publish(release, signers=signers, files=false)
    before = await updating.look()
    await updating.order()
    found = await updating.until(lambda receiver: not receiver["update_waits"])
    assert found["counters"][reason] == before["counters"].get(reason, 0) + 1
    assert found["hello"] == before["hello"]  # it was not even restarted
    updating.withdraw(id_)


async def test_it_sells_after_all_that(updating: Updating) -> None:
    """The last, as a receiver is left alone for a minute after a sale."""
    assert await newest(updating) > 2
    await pays(updating.till, await updating.till.ring_up())
