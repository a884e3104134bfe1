"""What is weighed is the sale that was meant, and it fits."""

from __future__ import annotations

from receiver.link import wire
from receiver.protocol import gatt
from simulator.tools.bench import heap, rows


def test_four_phones_fit_into_the_heap() -> None:
    """Also that the device's back end says to the bridge what the host's does."""
    measured = heap.measure()
    assert rows.missed(measured) == []
    (figure,) = measured.values()
    assert figure.bound is not None
    assert 0 < figure.bound < figure.value


def test_all_four_have_their_credentials_with_the_bridge() -> None:
    _, said = heap.recorded()
    for channel, count in ((wire.CREDENTIAL, gatt.LINKS_MOST), (wire.APPROVAL, 1)):
        assert len(heap.sent(said, channel)) == count
