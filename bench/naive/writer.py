"""Naive writer: reads entry by entry and inserts each with an ORM, one commit each."""

from __future__ import annotations

import asyncio
import os
from decimal import Decimal
from typing import Any

import asyncpg
import redis.asyncio as redis_asyncio
from sqlalchemy import Numeric, Text
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bench.naive.app import STREAM


class Base(DeclarativeBase):
    """The ORM's root."""


class Row(Base):
    """One transaction."""

    __tablename__ = "naive_transactions"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[str] = mapped_column(Text, index=True)
    amount: Mapped[Decimal] = mapped_column(Numeric(20, 4))
    currency: Mapped[str] = mapped_column(Text)
    merchant: Mapped[str] = mapped_column(Text)


async def main() -> None:
    """Write until ended."""
    redis: Any = redis_asyncio.Redis.from_url(os.environ["BENCH_REDIS_URL"])
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(os.environ["BENCH_DATABASE_URL"]),
    )
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    sessions = async_sessionmaker(engine)
    last = "0-0"
    while True:
        answer = await redis.xread({STREAM: last}, count=100, block=1000)
        for _, entries in answer or ():
            for identifier, fields in entries:
                last = identifier.decode()
                async with sessions() as session:
                    session.add(
                        Row(
                            id=last,
                            user_id=fields[b"user_id"].decode(),
                            amount=Decimal(fields[b"amount"].decode()),
                            currency=fields[b"currency"].decode(),
                            merchant=fields[b"merchant"].decode(),
                        )
                    )
                    await session.commit()


if __name__ == "__main__":
    asyncio.run(main())
