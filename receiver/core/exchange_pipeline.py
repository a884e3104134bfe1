"""Schedule every computation of an offer and of each phone's exchange (design §3.5).

Nothing here waits. After each event `pursue` starts what can start and cancels what has become
useless; `work` computes the rest slice by slice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from receiver import reasons
from receiver.crypto import hpke
from receiver.errors import Error
from receiver.protocol import identifiers, padding, signed, validation

from . import job_queue
from . import sale_session as sales
from .job_queue import Work
from .key_pool import Pool
from .sale_session import Candidate

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from receiver.crypto.job import Job
    from receiver.protocol.messages import Credential
    from receiver.protocol.validation import Offered

    from .connection import Peer
    from .identity import Identity
    from .job_queue import Task
    from .radio import Air
    from .sale_session import Sale
    from .sealed_exchange import Sealed
    from .uplink import Report

    T = TypeVar("T")


class Duty:
    """Long work for one subject at a time; another subject, or none, cancels it."""

    def __init__(self) -> None:
        self.task: Task | None = None
        self._subject: object = None

    def begins(self, subject: object) -> bool:
        """Return whether `subject` is there and has no work yet."""
        if subject is not self._subject:
            self._subject = subject
            if self.task is not None:
                self.task.close()
                self.task = None
        return subject is not None and self.task is None


class Judge:
    """Make offers, open what phones have sealed, and check it."""

    def __init__(self, identity: Identity, sale: Sale, air: Air, report: Report) -> None:
        self.work = Work()
        self.pool = Pool(identity.crypto, identity.entropy)
        self._identity = identity
        self._sale = sale
        self._air = air
        self._report = report
        self._signing = Duty()
        self._verifying = Duty()
        self._standing = Duty()
        self._learning: Task | None = None
        self._filling: Task | None = None
        self._fill()
        # Every sale needs the issuers' keys. Prepare them at boot, not at enrolment: a prepared key
        # is as large as code and belongs to one version of it; the store holds the bare keys.
        self._preparing: Task | None = self.work.add(
            job_queue.SPARE, identity.ring.prepare_job(), self._prepared
        )

    def pursue(self, now: int) -> None:
        """Start what can start, and cancel what has become useless."""
        self._fill()
        if self._signing.begins(self._sale.ordered):
            self._make_offer(now)
        for peer in self._air.links:
            if not _rests(peer):
                self._advance(peer, now)
        if self._air.links.left:  # judged meanwhile: the phone comes back for the answer
            for peer in list(self._air.links.left):
                if not _rests(peer):
                    self._advance(peer, now)
        self._decide()

    def _decide(self) -> None:
        """Check the candidate, or sign for it."""
        sale = self._sale
        candidate = sale.candidate if sale.state == sales.CHECKING else None
        if self._verifying.begins(candidate) and candidate and sale.offered:
            self._verify(candidate, sale.offered)
        accepted = sale.candidate if sale.state == sales.STANDING_IN else None
        if self._standing.begins(accepted) and accepted and sale.offered:
            self._stand_in(accepted, sale.offered)

    def learn(self, state: bytes, now: int) -> None:
        """Apply the authority's time and limits before signing the next offer."""
        if self._learning is not None:
            self._learning.close()
        job = self._identity.state_job(state, now)
        self._learning = self.work.add(job_queue.SIGN, job, self._learned)

    def _learned(self, result: None, error: Error | None, now: int) -> None:
        self._learning = None
        if error is not None:
            self._report.count(error.code, error.detail)

    def erase(self) -> None:
        """Cancel all work and overwrite every key that no offer has used."""
        self.work.clear()
        self.pool.erase()

    # An offer.

    def _fill(self) -> None:
        if self._filling is None and not self.pool.is_full():
            self._filling = self.work.add(job_queue.SPARE, self.pool.fill_job(), self._filled)

    def _filled(self, result: None, error: Error | None, now: int) -> None:
        self._filling = None

    def _make_offer(self, now: int) -> None:
        """Sign the ordered offer, or make its key first."""
        order, pair = self._sale.ordered, self.pool.take()
        if pair is not None and order is not None:
            self._sale.pair = pair
            job = self._identity.offer_job(order, pair.public, now)
            self._signing.task = self.work.add(job_queue.SIGN, job, self._signed)
        elif self._filling is not None:
            self._filling.hasten(job_queue.SIGN)

    def _signed(self, offered: Offered, error: Error | None, now: int) -> None:
        self._signing.task = None
        if error is not None:
            self._report.no_offer(self._sale.reference, error)
            self._sale.handle(sales.CANCELLED, now)
            return
        self._sale.open(offered, identifiers.session_id(offered.data), now)
        self._air.publish(now)
        self._report.offer()

    # A phone's exchange, step by step.

    def _advance(self, peer: Peer, now: int) -> None:
        """Take the next step on one link."""
        held = peer.sealed
        try:
            if peer.is_leaving:
                self._part(peer)
                return
            if held.task is not None and held.approval_sealed:
                held.task.hasten(job_queue.HEAR)
            if held.enc and held.results is None and held.task is None:
                self._agree(peer)
            elif held.credential_sealed and held.credential is None and held.task is None:
                self._examine(peer, now)
            elif held.credential and held.approval_sealed:
                if not held.approval_data and held.hearing is None:
                    self._hear(peer)
            elif held.credential and not held.key and not held.task:
                job = signed.prepare_job(self._identity.crypto, held.credential.key)
                self._begin(peer, job_queue.PREPARE, job, self._keep_ready)
        except Error as error:
            self._air.refuse(peer, error.code, now, error.detail)

    def _part(self, peer: Peer) -> None:
        """Run only the key agreement that seals the refusal, after all other work."""
        held = peer.sealed
        held.stop_hearing()
        if held.is_agreeing() and held.task is None:
            self._agree(peer)
        if held.task is not None:
            held.task.defer(job_queue.PART)

    def _begin(
        self, peer: Peer, rank: int, job: Job[T], then: Callable[[Peer, T, int], None]
    ) -> None:
        """Start long work for a link; `then` gets its result, the phone a refusal if it fails."""
        held = peer.sealed

        def done(result: T, error: Error | None, now: int) -> None:
            held.task = None
            if error is None:
                then(peer, result, now)
            else:
                self._air.refuse(peer, error.code, now, error.detail)

        rank = job_queue.HEAR if held.approval_sealed else rank
        held.task = self.work.add(rank, job, done)

    def _agree(self, peer: Peer) -> None:
        """Agree on the key that opens the phone's messages."""
        pair, offered = self._sale.pair, self._sale.offered
        if pair is None or offered is None:
            raise Error(reasons.WITHDRAWN, "key without an offer")
        private = peer.sealed.borrow(cast("bytes", pair.private))
        info = padding.info(offered.data)
        enc, crypto = peer.sealed.enc, self._identity.crypto
        job = hpke.recipient_job(crypto, enc, private, pair.public, info)
        self._begin(peer, job_queue.AGREE, job, self._agreed)

    def _agreed(self, peer: Peer, context: hpke.Context | None, now: int) -> None:
        if context is None:
            self._air.refuse(peer, reasons.BAD_KEY, now, "agrees on nothing")
        else:
            peer.sealed.agree(self._identity.crypto, context)
            self._air.agreed(peer, now)

    def _examine(self, peer: Peer, now: int) -> None:
        """Open the credential and check it, once the issuers' keys are ready."""
        held = peer.sealed
        if self._preparing is not None:
            self._preparing.hasten(job_queue.HEAR if held.approval_sealed else job_queue.EXAMINE)
            return
        job = self._examine_job(held, self._identity.seconds(now))
        self._begin(peer, job_queue.EXAMINE, job, self._examined)

    def _examine_job(self, held: Sealed, seconds: int | None) -> Job[Credential]:
        data = held.open_credential()
        yield
        return (yield from validation.credential_job(self._identity.ring, data, seconds))

    def _prepared(self, result: None, error: Error | None, now: int) -> None:
        self._preparing = None
        if error is not None:  # an approval under it is refused for the same reason
            self._report.count(error.code, error.detail)

    def _examined(self, peer: Peer, credential: Credential, now: int) -> None:
        held = peer.sealed
        held.credential = credential
        self._report.credential(peer.link, held.enc, held.credential_data)

    def _keep_ready(self, peer: Peer, key: signed.Key, now: int) -> None:
        peer.sealed.key = key

    def _hear(self, peer: Peer) -> None:
        """Open the approval; it takes the slot or waits."""
        held, offered = peer.sealed, self._sale.offered
        if offered is None:
            raise Error(reasons.WITHDRAWN, "approval without an offer")

        def done(candidate: Candidate, error: Error | None, now: int) -> None:
            held.hearing = None
            if error is None and not self._sale.take(candidate, now):
                error = Error(reasons.BUSY, "no room to wait")
            if error is not None:
                self._air.refuse(peer, error.code, now, error.detail)

        job = _hear_job(peer.link, held, offered)
        held.hearing = self.work.add(job_queue.UNSEAL, job, done)

    # The candidate.

    def _verify(self, candidate: Candidate, offered: Offered) -> None:
        """Send the candidate to the bridge at once, and check it meanwhile."""
        self._report.approval(candidate)
        peer = self._air.holder(candidate)
        key, begun = None, None
        if peer is not None:
            key, task = peer.sealed.key, peer.sealed.task
            if task is not None:
                begun, peer.sealed.task = task.take(), None

        def done(result: object, error: Error | None, now: int) -> None:
            self._verifying.task = None
            self._judged(candidate, error, now)

        job = self._verify_job(candidate, offered, key, begun)
        self._verifying.task = self.work.add(job_queue.VERIFY, job, done)

    def _verify_job(
        self,
        candidate: Candidate,
        offered: Offered,
        key: signed.Key | None,
        begun: Job[signed.Key] | None,
    ) -> Job[validation.Approved]:
        """Check with the phone's key as far as it is prepared; `begun` is that preparation."""
        shown = candidate.submission
        if key is None:
            public = shown.credential.key
            key = yield from begun or signed.prepare_job(self._identity.crypto, public)
            yield
        least_app = self._identity.least_app
        return (yield from validation.approval_job(key, offered, shown, least_app))

    def _judged(self, candidate: Candidate, error: Error | None, now: int) -> None:
        if error is None:
            self._sale.accept(now)
            self._air.accept(candidate, now)
            self._report.verdict(candidate, reasons.OK)
        else:
            self._sale.refuse(error.code, now)
            self._report.verdict(candidate, error.code)
            self._air.refuse_candidate(candidate, error.code, now, error.detail)

    def _stand_in(self, candidate: Candidate, offered: Offered) -> None:
        """Sign a provisional receipt for bridge and phone after the bridge has accepted offline."""

        def done(receipt: bytes, error: Error | None, now: int) -> None:
            self._standing.task = None
            self._sale.stood_in(receipt, now)
            self._air.answer(candidate, receipt, now)
            self._report.provisional()

        job = self._identity.provisional_job(offered, candidate.id, self._sale.as_of)
        self._standing.task = self.work.add(job_queue.SIGN, job, done)


def _rests(peer: Peer) -> bool:
    """Return whether nothing can start on a link: of most, after most events."""
    held = peer.sealed
    if peer.is_leaving or held.approval_sealed:
        return False
    return not held.enc or held.task is not None or held.key is not None


def _hear_job(link: int, held: Sealed, offered: Offered) -> Job[Candidate]:
    """Open an approval and name it: the serial line and the other phones do not wait for both."""
    data = held.open_approval()
    yield
    shown = validation.Submission(
        held.enc, held.credential_data, cast("Credential", held.credential), data
    )
    return Candidate(link, shown, validation.named(offered, shown).id)
