"""The phones' routes."""

from __future__ import annotations

from simulator.authority.api import models, phones

from .parts import Operation

OPERATIONS = {
    phones.PHONES: {
        "post": Operation(
            "activate",
            "Activate a buyer's phone; the code is not stored.",
            models.Welcome,
            (403, 409, 422),
            asked=models.Activation,
            status=201,
        )
    },
    phones.CREDENTIALS: {
        "post": Operation(
            "credentials",
            "A batch of credentials for one invoice recipient.",
            models.Credentials,
            (401, 403, 404),
            asked=models.CredentialsRequest,
            security="phone",
        )
    },
    phones.APPROVAL: {
        "get": Operation(
            "approval",
            "The state of the phone's own approval, or of one reversed before it came.",
            models.Approval,
            (401, 404),
            security="phone",
        )
    },
}
