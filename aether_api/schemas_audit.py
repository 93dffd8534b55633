"""Bodies of the audit trail's answers, as the OpenAPI document describes them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_EXAMPLE: dict[str, Any] = {
    "id": 4711,
    "at": "2026-01-31T12:00:00.123456Z",
    "actor_kind": "user",
    "actor_id": "3f0f4a0e-7a6b-4f53-9d43-3a2f6f6f5b11",
    "actor_name": "ada@example.com",
    "action": "alert.resolve",
    "subject": "019c1b5e-6c00-7a00-8000-000000000001",
    "outcome": "success",
    "address": "192.0.2.7",
    "request_id": "5c1f0b7a3e-19",
    "details": {"resolution": "fraud", "account_id": "acc-7f3k2m"},
    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}


class AuditEntry(BaseModel):
    """One act: who did what, when and from where."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    id: int = Field(description="Its place in a sequence without gaps.")
    at: datetime
    actor_kind: Literal["user", "client", "command", "system", "anonymous"]
    actor_id: str
    actor_name: str = Field(description="An e-mail address, a client's name, or who ran a command.")
    action: str = Field(examples=["session.begin", "user.role"])
    subject: str = Field(description="The id of what was acted upon.")
    outcome: Literal["success", "failure"]
    address: str
    request_id: str
    details: dict[str, str | int | bool]
    hash: str = Field(description="SHA-256 over the entry and the hash of the one before.")
