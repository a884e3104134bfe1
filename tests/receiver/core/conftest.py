"""What the tests of machines share."""

from __future__ import annotations

import pytest

from simulator.authority.keys import Keys
from tests.support.machines.receiver import World, make_keys


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def world(keys: Keys) -> World:
    """A receiver that waits, with no phone and no sale."""
    return World(keys)


@pytest.fixture
def selling(world: World) -> World:
    """A receiver with an offer on the air."""
    world.open()
    return world
