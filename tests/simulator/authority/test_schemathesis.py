"""What a machine makes of the authority's own description, sent to a real one over mutual TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks

from simulator.authority.api.openapi import DOCUMENT
from simulator.authority.process import AuthorityProcess
from simulator.world.enrolment import new_phone, new_receiver
from tests.support.values import evidence

pytestmark = pytest.mark.processes

EXAMPLES = 12  # of each operation
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]

_TICKET = {"kind": "bridge", "store": 1, "store_name": "Store"}

schema = schemathesis.openapi.from_dict(
    DOCUMENT, config=schemathesis.Config.from_dict({"phases": {"coverage": {"enabled": False}}})
)


@schemathesis.serializer("application/cbor")
def as_it_is(_: schemathesis.SerializationContext, value: Any) -> bytes:
    return value if isinstance(value, bytes) else repr(value).encode()


class Running(NamedTuple):
    """An authority, and how to ask everything of it."""

    url: str
    tokens: dict[str, str]
    session: requests.Session
    tls: dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    directory: Path = tmp_path_factory.mktemp("authority")
    async with AuthorityProcess(directory) as authority:
        demo = authority.seed_demo()
        client = authority.ca.client("bridge")
        new_receiver(authority, client.fingerprint(), receiver_id=evidence.RECEIVER_ID)
        wallet = await new_phone(authority, demo.buyers[0].id)
        ticket = authority.admin("POST", "tickets", _TICKET)["ticket"]
        tokens = {"administrator": authority.admin_token, "phone": wallet.token, "ticket": ticket}
        tls = {
            "verify": str(authority.ca.certificate),
            "cert": (str(client.certificate), str(client.key)),
        }
        with requests.Session() as session:
            yield Running(authority.url, tokens, session, tls)
        assert "Traceback" not in authority.log.read_text()


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_answers_are_as_described(case: schemathesis.Case[Any], running: Running) -> None:
    """No fault, no answer that the description does not know, and nothing taken that it forbids."""
    _ours(case)
    [asked_by] = case.operation.definition.raw.get("security", [{}])[0] or [""]
    token = running.tokens.get(asked_by)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    case.call_and_validate(running.url, running.session, headers, CHECKS, **running.tls)


def _ours(case: schemathesis.Case[Any]) -> None:
    """Ask about a receiver that there is, wherever any receiver would do."""
    known = evidence.RECEIVER_ID.hex()
    for values in (case.body, case.query, case.path_parameters):
        if isinstance(values, dict) and len(str(values.get("receiver_id"))) == len(known):
            values["receiver_id"] = known
