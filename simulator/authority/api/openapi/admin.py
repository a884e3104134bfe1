"""The administrator's routes."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from simulator.authority.api import admin, admin_receivers, models

from .parts import Operation


def _looks(
    name: str, summary: str, answered: type[Struct], *statuses: int, **more: Any
) -> Operation:
    statuses = (401, 403, *statuses)
    return Operation(name, summary, answered, statuses, security="administrator", **more)


def _makes(
    name: str, summary: str, answered: type[Struct], asked: type[Struct], *statuses: int
) -> Operation:
    return _looks(name, summary, answered, *statuses, asked=asked, status=201, says="Made.")


OPERATIONS = {
    admin.ORGANISATIONS: {
        "post": _makes(
            "add_organisation",
            "An organisation that buys.",
            models.Made,
            models.NewOrganisation,
        )
    },
    admin.BUYERS: {
        "post": _makes(
            "add_buyer",
            "A buyer, and the activation of their first phone.",
            models.MadeBuyer,
            models.NewBuyer,
            404,
        )
    },
    admin.BUYER: {
        "get": _looks("buyer", "A buyer.", models.BuyerView, 404),
        "put": _looks(
            "change_buyer",
            "Limit, floor, block, or reset of wrong codes.",
            models.BuyerView,
            404,
            asked=models.BuyerChange,
        ),
    },
    admin.ACTIVATIONS: {
        "post": _makes(
            "add_activation",
            "An activation for one more phone.",
            models.ActivationWord,
            models.Nothing,
            404,
        )
    },
    admin.RECIPIENTS: {
        "post": _makes(
            "add_recipient",
            "An invoice recipient.",
            models.Made,
            models.NewRecipient,
            404,
        )
    },
    admin.RECIPIENT: {
        "get": _looks("recipient", "An invoice recipient.", models.RecipientView, 404),
        "put": _looks(
            "change_recipient",
            "What is left to spend; open or closed.",
            models.RecipientView,
            404,
            asked=models.RecipientChange,
        ),
    },
    admin.CREDENTIAL: {
        "put": _looks(
            "change_credential",
            "Revoke a credential, or take that back.",
            models.Credential,
            404,
            asked=models.CredentialChange,
        )
    },
    admin_receivers.RECEIVERS: {
        "post": _makes(
            "add_receiver",
            "A certificate; it replaces the one that a receiver has.",
            models.CertificateView,
            models.NewReceiver,
            409,
        )
    },
    admin_receivers.RECEIVER: {
        "get": _looks("limits", "What a receiver may accept offline.", models.OfflineLimits, 404),
        "put": _looks(
            "change_limits",
            "For the states that are signed from now on; all 0 turns it off.",
            models.OfflineLimits,
            404,
            asked=models.OfflineLimitsChange,
        ),
    },
    admin_receivers.RENEWAL: {
        "post": _looks(
            "renew_client",
            "Replace a bridge's TLS certificate; its bindings and bookings stay.",
            models.Renewed,
            *(404, 409),
            asked=models.Renewal,
        )
    },
    admin.LATEST: {"get": _looks("latest", "The latest transactions.", models.LatestTransactions)},
    admin.ALARMS: {"get": _looks("alarms", "What a person must look at.", models.Alarms)},
}
