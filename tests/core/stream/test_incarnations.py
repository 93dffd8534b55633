"""A stream that lost its data is recognised, begins a new life, and still knows the keys.

Real PostgreSQL and Valkey; the loss is a FLUSHALL, as somebody might do by mistake.
"""

from __future__ import annotations

from datetime import UTC, datetime

from aether_core.database.connection import connect
from aether_core.database.positions import find_positions
from aether_core.database.transactions import copy_transactions
from aether_core.settings import Settings, StreamSettings
from aether_core.stream.connection import load_functions, open_redis
from aether_core.stream.incarnation import agree_on_incarnations
from aether_core.stream.publisher import Accepted, StreamPublisher, Submission
from aether_core.transaction import transaction_id


async def test_a_lost_stream_begins_anew_and_a_retry_stays_safe(settings: Settings) -> None:
    assert settings.database_url is not None
    assert settings.redis_url is not None
    connection = await connect(
        settings.database_url.get_secret_value(), statement_timeout_s=10, name="test"
    )
    redis = open_redis(settings.redis_url.get_secret_value(), timeout_s=5)
    await load_functions(redis)
    limits = StreamSettings()
    publisher = StreamPublisher(redis, limits)
    before = await agree_on_incarnations(redis, connection, 1, limits)
    assert await agree_on_incarnations(redis, connection, 1, limits) == before

    submission = Submission(b"payload", b"a key's hash", b"its body")
    accepted = (await publisher.append({0: [submission]}, before))[0][0]
    assert isinstance(accepted, Accepted)
    written = transaction_id(*accepted.id, 0, accepted.incarnation)
    now = datetime.now(UTC)
    row = (written, 0, "u", "a", 100, "USD", "m", None, "purchase", None, {"k": 1}, now, now, 0.1)
    await copy_transactions(
        connection, [(*row, "approve", None, submission.digest, submission.body_digest, None)]
    )

    await redis.execute_command("FLUSHALL")
    after = await agree_on_incarnations(redis, connection, 1, limits)
    assert after != before
    again = (await publisher.append({0: [submission]}, after))[0][0]
    assert again == Accepted(accepted.id, before[0], replayed=True)
    assert [p.incarnation for p in await find_positions(connection)] == [after[0]]
    reasons = await connection.fetch("SELECT reason FROM incarnations ORDER BY started_at")
    assert reasons[0]["reason"] == "first start"
    assert "lost" in reasons[1]["reason"]

    await publisher.close()
    await redis.aclose()
    await connection.close()
