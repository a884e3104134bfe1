"""Long work between links: what goes first, what goes on where it was, and what is given up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from receiver import reasons
from receiver.core import io, key_pool, sale_session
from receiver.link import wire
from receiver.protocol import exchange, gatt, padding
from simulator.authority.keys import Keys
from tests.support.machines.receiver import EPOCH, LINK_ENDS, LOSSES, Phone, World, offer_of
from tests.support.machines.slices import SLICES, Sliced
from tests.support.values import evidence

CHECK = "ed25519_check_job"
TABLE = "p256_key_job"
VERIFY = "p256_check_job"
AGREE = "x25519_job"
EPHEMERAL = "x25519_public_job"
SIGN = "ed25519_sign_job"
READY = "ed25519_key_job"


class Chip:
    """A world in which long work takes its slices, and only as many as are asked for."""

    def __init__(self, keys: Keys) -> None:
        self.crypto = Sliced()
        self.world = World(keys, crypto=self.crypto)
        self.world.lazy = True

    def settle(self) -> None:
        self.world.work()
        self.crypto.forget()

    def open(self) -> None:
        """An offer on the air, and nothing left to do."""
        self.world.open()
        self.settle()

    def steps(self, count: int) -> list[str]:
        """What these slices compute."""
        before = len(self.crypto.steps)
        self.world.slice(count)
        return self.crypto.steps[before:]

    def compute(self, name: str) -> None:
        """Until the first slice of this job."""
        while self.crypto.steps[-1:] != [name]:
            self.world.slice()

    def order(self) -> list[str]:
        """Everything that is left to do, each job once for each time that it had the chip."""
        before = len(self.crypto.steps)
        self.world.work()
        steps = self.crypto.steps[before:]
        return [name for at, name in enumerate(steps) if at == 0 or steps[at - 1] != name]


@pytest.fixture
def chip(keys: Keys) -> Chip:
    """Booted, with nothing left to do."""
    one = Chip(keys)
    one.settle()
    return one


@pytest.fixture
def offering(chip: Chip) -> Chip:
    """An offer is on the air, and nothing left to do."""
    chip.open()
    return chip


# Before a phone comes.


def test_the_pool_and_the_issuers_keys_are_made_while_no_phone_waits(keys: Keys) -> None:
    chip = Chip(keys)
    assert chip.world.receiver.busy()
    chip.world.work()
    assert chip.crypto.ended.count(EPHEMERAL) == key_pool.SIZE
    assert chip.crypto.ended.count(READY) == 1 + 1  # for the certificate and for credentials
    assert not chip.world.receiver.busy()


def test_an_offer_is_shown_once_it_is_signed(chip: Chip) -> None:
    chip.world.open()
    assert chip.world.sale.state == sale_session.SIGNING
    chip.compute(SIGN)
    assert chip.steps(SLICES - 1) == [SIGN] * (SLICES - 1)
    assert chip.world.shown() == b""
    assert chip.world.sent(wire.OFFER) == []
    assert chip.world.advert().flags == 0
    chip.world.slice()
    assert chip.world.shown() == chip.world.sent(wire.OFFER)[-1].offer != b""
    assert chip.world.advert().flags == gatt.FLAG_OPEN


def test_right_after_boot_the_offers_key_is_the_most_urgent(keys: Keys) -> None:
    chip = Chip(keys)
    chip.steps(2)
    chip.world.open()
    assert chip.order()[:2] == [EPHEMERAL, SIGN]
    assert chip.world.sale.state == sale_session.OPEN
    assert chip.crypto.closed == []


def test_offers_in_quick_succession_wait_for_keys_and_never_fail(chip: Chip) -> None:
    for number in range(key_pool.SIZE + 2):
        chip.world.open(reference=b"saleref%d" % number)
        chip.world.until(sale_session.OPEN)
        chip.crypto.forget()
    assert chip.world.counters == {}
    ephemerals = {offer.offer for offer in chip.world.sent(wire.OFFER)}
    assert len(ephemerals) == key_pool.SIZE + 2


def test_another_order_takes_the_place_of_one_that_is_being_signed(chip: Chip) -> None:
    chip.world.open()
    chip.compute(SIGN)
    chip.world.open(reference=b"saleref2")
    chip.world.work()
    assert chip.crypto.closed == [SIGN]
    assert [offer.reference for offer in chip.world.sent(wire.OFFER)] == [b"saleref2"]


def test_a_sale_that_is_cancelled_is_not_signed(chip: Chip) -> None:
    chip.world.open()
    chip.compute(SIGN)
    chip.world.cancel()
    assert chip.crypto.closed == [SIGN]
    chip.world.work()
    assert chip.world.sent(wire.OFFER) == []
    assert chip.world.sale.state == sale_session.IDLE


def test_a_phone_that_comes_while_the_offer_is_signed_is_told_of_it(chip: Chip) -> None:
    chip.world.open()
    phone = Phone(chip.world).connect()
    chip.world.work()
    assert phone.offers == 1
    phone.approve()
    chip.world.work()
    assert chip.world.sale.state == sale_session.CLAIMED


def test_time_and_limits_are_learned_before_the_offer_is_signed(chip: Chip) -> None:
    chip.world.state()
    chip.world.open()
    assert chip.order()[:3] == [READY, CHECK, SIGN]
    assert offer_of(chip.world).issued == EPOCH


def test_only_the_last_state_is_read_to_its_end(chip: Chip) -> None:
    chip.world.state(version=1)
    chip.world.slice()
    chip.world.state(version=2)
    chip.world.work()
    assert chip.crypto.closed == [READY]
    assert chip.world.identity.state is not None
    assert chip.world.identity.state.version == 2


def test_an_offer_that_may_no_longer_be_made_when_the_time_is_known(chip: Chip) -> None:
    chip.world.state(seconds=EPOCH + evidence.LIFE_S)
    chip.world.open()
    chip.world.work()
    assert chip.world.sent(wire.OFFER) == [
        wire.Opened(evidence.REFERENCE, b"", reasons.CERTIFICATE_EXPIRED)
    ]
    assert chip.world.sale.state == sale_session.IDLE
    assert chip.world.counters == {reasons.CERTIFICATE_EXPIRED: 1}


# While the buyer types.


def test_everything_but_the_approval_is_done_before_the_approval_comes(offering: Chip) -> None:
    phone = Phone(offering.world).connect().key().present()
    assert offering.order() == [AGREE, CHECK, TABLE]
    phone.sign()
    assert offering.order() == [VERIFY]
    assert offering.world.sale.state == sale_session.CLAIMED


def test_an_approval_finishes_the_table_where_it_stands(offering: Chip) -> None:
    phone = Phone(offering.world).connect().key().present()
    offering.compute(TABLE)
    phone.sign()
    assert len(offering.world.sent(wire.APPROVAL)) == 1
    assert offering.order() == [TABLE, VERIFY]
    assert offering.crypto.begun.count(TABLE) == 1
    assert offering.world.sale.state == sale_session.CLAIMED


def test_an_approval_hastens_what_lies_before_it(offering: Chip) -> None:
    """It is forwarded when its credential holds, with the credential first."""
    hasty = Phone(offering.world, 0, "hasty").connect().key().present()
    others = [Phone(offering.world, link, f"phone {link}").connect().key() for link in (1, 2)]
    hasty.sign()
    assert offering.world.sent(wire.APPROVAL) == []
    offering.world.work()
    order = [item.channel for item in offering.world.of(io.Send)]
    assert order[-3:] == [wire.CREDENTIAL, wire.APPROVAL, wire.VERDICT]
    assert offering.crypto.ended[:4] == [AGREE, CHECK, TABLE, VERIFY]
    assert [phone.refused for phone in others] == [[exchange.BUSY]] * 2


def test_urgencies_between_links(chip: Chip) -> None:
    """A key before a credential before a table before the pool; what is overtaken goes on."""
    chip.world.open()
    chip.world.until(sale_session.OPEN)
    assert chip.steps(1) == [EPHEMERAL]
    first = Phone(chip.world, 0, "first").connect().key().present()
    chip.compute(TABLE)
    Phone(chip.world, 1, "second").connect().key().present()
    chip.compute(CHECK)
    Phone(chip.world, 2, "third").connect().key()
    assert chip.steps(1) == [AGREE]
    first.sign()
    assert chip.order() == [TABLE, VERIFY, EPHEMERAL, AGREE]  # the third's, to seal its refusal
    assert chip.crypto.begun.count(TABLE) == 1
    assert chip.crypto.closed == [CHECK]  # nobody needs it once one is accepted


def test_an_overtaken_credential_goes_on_when_the_approval_is_refused(offering: Chip) -> None:
    first = Phone(offering.world, 0, "first").connect().key().present()
    offering.world.work()
    second = Phone(offering.world, 1, "second").connect().key().present()
    offering.compute(CHECK)
    offering.crypto.forget()
    first.sign(app=0)
    assert offering.order() == [CHECK, TABLE]  # an old app is refused before anything is computed
    assert first.refused == [exchange.OLD_APP]
    assert offering.crypto.begun == [TABLE]
    second.sign()
    offering.world.work()
    assert offering.world.sale.state == sale_session.CLAIMED


def test_the_issuers_keys_are_made_ready_once(keys: Keys) -> None:
    chip = Chip(keys)
    chip.world.open()
    Phone(chip.world).connect().key().present()
    chip.world.work()  # nothing was ready: the credential waited for it
    for number in range(3):
        chip.world.cancel()
        chip.world.open(reference=b"saleref%d" % number)
        chip.world.cancel()
        chip.world.open()
        chip.world.work()
        Phone(chip.world, 1).connect().approve()
        chip.world.work()
        assert chip.world.sale.state == sale_session.CLAIMED
    assert chip.crypto.begun.count(READY) == 1 + 1


def test_a_credential_hastens_the_issuers_keys_and_nothing_else_of_that_sort(keys: Keys) -> None:
    chip = Chip(keys)
    chip.world.open()
    chip.world.until(sale_session.OPEN)
    Phone(chip.world).connect().key().present()
    chip.crypto.forget()
    assert chip.order() == [AGREE, READY, CHECK, TABLE, EPHEMERAL]


# What is given up.


ENDS: dict[str, Callable[[Phone], object]] = {
    **LINK_ENDS,
    "expired": lambda phone: phone.world.pass_time(200_000),
    "another offer": lambda phone: phone.world.open(reference=b"saleref2"),
    "refused": lambda phone: phone.raw(b"?"),
    "switched off": lambda phone: phone.world.receiver.erase(),
}


@pytest.mark.parametrize("stage", [AGREE, CHECK, TABLE])
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_the_work_for_a_link_ends_with_it(
    offering: Chip, end: Callable[[Phone], object], stage: str
) -> None:
    phone = Phone(offering.world).connect().key().present()
    offering.compute(stage)
    end(phone)
    assert offering.crypto.closed == [stage]


@pytest.mark.parametrize("stage", [AGREE, CHECK, TABLE])
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_the_work_for_a_lost_link_goes_on_for_a_while(
    offering: Chip, loss: Callable[[Phone], object], stage: str
) -> None:
    phone = Phone(offering.world).connect().key().present()
    offering.compute(stage)
    loss(phone)
    offering.world.pass_time(gatt.RESUME_MS - 1)
    assert offering.crypto.closed == []
    offering.world.pass_time(1)
    assert offering.crypto.closed == [stage]


@pytest.mark.parametrize("stage", [CHECK, TABLE])
def test_the_work_for_a_link_ends_with_the_sale(offering: Chip, stage: str) -> None:
    """But for the agreement, which seals what its phone is told (`test_core_late`)."""
    Phone(offering.world).connect().key().present()
    offering.compute(stage)
    offering.world.cancel()
    assert offering.crypto.closed == [stage]


@pytest.mark.parametrize("stage", [TABLE, VERIFY])
def test_a_candidate_is_verified_though_its_phone_is_gone(offering: Chip, stage: str) -> None:
    phone = Phone(offering.world).connect().key().present()
    offering.compute(TABLE)
    phone.sign()
    offering.compute(stage)
    phone.vanish()
    assert offering.crypto.closed == []
    offering.world.work()
    assert offering.world.sale.state == sale_session.CLAIMED
    assert offering.world.sent(wire.VERDICT)[-1].reason == reasons.OK


@pytest.mark.parametrize(
    "end",
    [lambda world: world.reject(reasons.CREDENTIAL_REVOKED), World.cancel, World.open],
    ids=["reject", "cancel", "open"],
)
def test_the_verification_ends_with_the_candidate(
    offering: Chip, end: Callable[[World], object]
) -> None:
    Phone(offering.world).connect().approve()
    offering.compute(VERIFY)
    end(offering.world)
    assert offering.crypto.closed == [VERIFY]
    offering.world.work()
    assert offering.world.sent(wire.VERDICT) == []


# Nobody can keep the chip from whoever pays.


def test_junk_from_three_links_while_a_fourth_pays(offering: Chip) -> None:
    """Whatever they send, and however often they come, all that the approval waits for are the
    jobs that were begun before it."""
    payer = Phone(offering.world, 3, "payer").connect().key().present()
    junk = [Phone(offering.world, link, f"junk {link}") for link in range(3)]
    for turn in range(12):
        phone = junk[turn % 3].connect().key()
        body = evidence.seed("junk") * 6
        phone.write(exchange.CREDENTIAL, body[: padding.CREDENTIAL_SEALED])
        if turn % 2:
            phone.write(exchange.APPROVAL, body[: padding.APPROVAL_SEALED])
        offering.world.slice(2)
        if phone.is_cut():
            phone.vanish()
    offering.crypto.forget()
    payer.sign()
    offering.world.until(sale_session.CLAIMED)
    assert len(offering.crypto.begun) <= 4  # agreement, credential, table and check of its own
    assert set(offering.world.counters) <= {reasons.BAD_SEAL, reasons.EVICTED}


def test_keys_that_agree_on_nothing(offering: Chip) -> None:
    for turn, point in enumerate(SMALL_ORDER):
        phone = Phone(offering.world, turn % 3, "junk").connect()
        phone.write(exchange.KEY, point.to_bytes(padding.ENC_SIZE, "little"))
        offering.world.work()
        assert phone.is_cut()
        assert phone.refused == [exchange.REFUSED]
        phone.vanish()
    assert offering.world.counters == {reasons.BAD_KEY: len(SMALL_ORDER)}
    Phone(offering.world, 3, "payer").connect().approve()
    offering.world.work()
    assert offering.world.sale.state == sale_session.CLAIMED


# The points of small order, and three of them in a longer form (RFC 7748 §5, §6.1).
_PRIME = 2**255 - 19
SMALL_ORDER = (
    *(0, 1, _PRIME - 1, _PRIME, _PRIME + 1),
    0x00B8495F16056286FDB1329CEB8D09DA6AC49FF1FAE35616AEB8413B7C7AEBE0,
    0x57119FD0DD4E22D8868E1C58C45C44045BEF839C55B1D0B1248C50A3BC959C5F,
)


@pytest.mark.parametrize("checked_in", [False, True])
def test_a_fifth_pays_while_four_are_silent(chip: Chip, checked_in: bool) -> None:
    if not checked_in:
        chip.open()
    silent = [Phone(chip.world, link).connect() for link in range(gatt.LINKS_MOST)]
    if checked_in:
        chip.open()
    chip.world.pass_time(gatt.PLACE_MS)
    (evicted,) = [phone for phone in silent if phone.is_cut()]
    evicted.vanish()
    fifth = Phone(chip.world, evicted.link, "fifth").connect().approve()
    chip.world.work()
    assert chip.world.sale.state == sale_session.CLAIMED
    chip.world.result(b"paid")
    assert fifth.receipts == [b"paid"]
