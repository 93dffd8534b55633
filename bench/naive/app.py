"""Naive gateway: FastAPI, pydantic, a JWT decode, a blacklist lookup and an append per request."""

from __future__ import annotations

import os
import sys
from decimal import Decimal
from typing import Annotated, Any

import jwt
import redis.asyncio as redis_asyncio
import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel, Field

SECRET = "a secret that is only a benchmark's"  # noqa: S105
STREAM = "bench:naive"

app = FastAPI()
redis: Any = redis_asyncio.Redis.from_url(os.environ.get("BENCH_REDIS_URL", "redis://"))
oauth2 = OAuth2PasswordBearer(tokenUrl="login")


class NewTransaction(BaseModel):
    """What is submitted."""

    amount: Decimal = Field(gt=0)
    currency: str = "USD"
    merchant: str
    account_id: str | None = None


class Transaction(NewTransaction):
    """What is answered."""

    id: str
    user_id: str
    status: str = "pending"


async def current_user(token: Annotated[str, Depends(oauth2)]) -> str:
    """Decode the token and look it up in the blacklist."""
    try:
        claims = jwt.decode(token, SECRET, algorithms=["HS256"])
    except jwt.PyJWTError as error:
        raise HTTPException(401, "Could not validate credentials") from error
    if await redis.get(f"blacklist:{token}"):
        raise HTTPException(401, "Token has been revoked")
    return str(claims["sub"])


@app.post("/transactions/", status_code=201, response_model=Transaction)
async def submit(
    body: NewTransaction,
    user: Annotated[str, Depends(current_user)],
    idempotency_key: Annotated[str, Header()] = "",
) -> Any:  # noqa: ANN401 - FastAPI makes it a Transaction
    """Append one transaction."""
    seen = await redis.set(f"naive:idem:{user}:{idempotency_key}", "1", nx=True, ex=86400)
    if not seen:
        raise HTTPException(409, "Duplicate request")
    fields: dict[Any, Any] = {"user_id": user, **body.model_dump(mode="json", exclude_none=True)}
    entry = await redis.xadd(STREAM, fields)
    return {"id": entry.decode(), "user_id": user, **body.model_dump()}


if __name__ == "__main__":
    uvicorn.run(
        app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False,
        log_level="warning",
    )  # fmt: skip
