"""What each thing on the air tells a listener: one sentence for each field.

"nothing" marks what tells nothing of this purchase or this buyer beyond the rest.
"""

from __future__ import annotations

from receiver.protocol import exchange

AIR = {
    "address": "which receiver this is: its address is fixed, as the till is",
    "flags": "nothing: every device without classic Bluetooth sends them",
    "service": "that this is a Tillsign receiver",
    "name": "the till's number, as on its sign",
    "repeats": "whether a sale is open, by the pace alone: 20 ms with one, 150 ms without",
    "phone's address": "that a phone is here, and when; not whose: the address is random, and true "
    "phones take another every quarter of an hour",
    "version": "nothing: the same at every receiver",
    "state": "whether a sale is open, and so when it was rung up and when it ended",
    "till": "the till's number, as on its sign",
    "tag": "nothing: it is the beginning of the offer's hash, and the offer is plain",
    "parameters": "at most the make of the phone's system, which chooses them",
    "mtu asked": "at most the make of the phone's system, which asks every device for the same",
    "mtu answered": "nothing: every receiver answers so",
    "discovery": "at most the make of the phone's system: the table is the same in every receiver",
    "subscription": "nothing: every phone subscribes to both",
    "acknowledged": "nothing: it comes before anything was checked",
    "control": "at most the make of the phone's radio",
    "other": "that the phone wants something that is not of this protocol",
    "unreadable": "nothing that this protocol knows",
    "end": "when the link ended, and by which side",
}

CERTIFICATE = {
    "kid": "nothing: it names the authority's key, the same for many receivers",
    "issuer": "whose system this is, as in all its certificates",
    "receiver_id": "which receiver this is, as its address does",
    "expires": "when the receiver must be certified again",
    "issued": "when the receiver was certified",
    "key": "nothing: a public key, for checking",
    "store": "which store this is, as on its door",
    "store_name": "which store this is, as on its door",
    "invoice_issuer": "which association owns the store",
    "currency": "nothing: the country's",
    "signature": "nothing: it proves the rest to every reader",
}

OFFER = {
    "kid": "nothing: it names the certificate",
    "version": "nothing: the same in every offer",
    "sequence": "how many offers this receiver has made since one was heard before: how busy it is",
    "amount": "what is to be paid: as on the till's display, and from farther away",
    "currency": "nothing: the certificate's",
    "till": "the till's number, as on its sign",
    "issued": "when the sale was rung up, by the listener's own clock",
    "ttl": "how long the till waits for a phone",
    "ephemeral": "nothing: a public key, fresh for this offer",
    "reference": "nothing by itself: a hash; it joins the offers of one sale",
    "kind": "that it is a purchase, or a refund",
    "original": "that it gives back this transaction, of which its receipt alone tells more",
    "signature": "that this till asked for this amount: a recording proves it to others, too",
    "session id": "a name for this offer, which gives access to nothing",
    "match code": "the two digits that till and phone show: they are no secret",
}
OFFERED = {
    "again": "that the approval before was declined, and that the buyer can mend it; not why",
    "none yet": "that the phone was there before the sale was rung up",
    "withdrawn": "that the offer ended at the till",
}

EXCHANGE = {
    exchange.KEY: "that an app shows the offer; the bytes mean nothing: a public key, fresh for "
    "this offer",
    exchange.CREDENTIAL: "when the buyer typed the first digit; not who it was",
    exchange.APPROVAL: "when the buyer typed the last digit; not the code, nor who pays",
    exchange.RESULT: "that the authority answered, and when; not what",
    exchange.REFUSAL: "that the receiver refused, and one of five causes",
    exchange.LEAVE: "that the buyer left, and which of two reasons",
    exchange.RESUME: "that the phone of this key lost its link and has come back",
    exchange.RESUMED: "how far its purchase had come, as the messages before it told",
}
REFUSED_SEALED = "that the receiver refused, by the length; not why"

TIMING = {
    "before the first digit": "how long the buyer looked before typing",
    "from the first digit to the last": "how fast the buyer types: a weak trait, and no name",
    "from the last digit to the answer": "how fast receiver, network and authority are: a decline "
    "waits for the verdict, too",
    "on the link": "how long the phone stayed",
}

NOT_LEARNT = {
    "buyer": "no name, number or account is sent, not even sealed",
    "organisation": "it is not sent, not even sealed",
    "invoice recipient": "it stands in credential and approval, which are sealed",
    "credential": "it is sealed, and used for one purchase",
    "phone's key": "it stands in the credential",
    "code": "it never leaves the phone; its proof is sealed, and needs a private key to be tried",
    "outcome": "an approval and a final decline have one length and one sequence of packets, and "
    "the bridge passes on either only once receiver and authority have both answered",
    "app build": "it stands in the approval",
}
