"""Is it new for the account: merchant, place, hour; and is it the same payment again and again?

In:   the account's payments, in order.
Out:  the surprise of what is new about one, and of its repetition; the habit, learnt.
Relies on a CRC-32 for names, which is the same in every process and version of Python.

Method: an account's merchants and places are bits of a small Bloom filter with one hash (B. H.
Bloom, "Space/time trade-offs in hash coding with allowable errors", CACM 13, 1970), its hours of
the day are bits of a mask. A bit that is not set is new for certain. How surprising that is, the
account itself says: by the running share of its payments that were new, which begins at 1. Where a
filter fills up, fewer are new and each is the more surprising; so no size has to fit everybody. A
repetition is judged alike, by the share of payments that were one; in a row their surprises add up.
"""

from __future__ import annotations

import struct
from math import log
from typing import Final
from zlib import crc32

HABIT: Final = struct.Struct("<QIIIfffff")
"""One account: bits of merchants, of places, of hours; key of the last payment, the surprise of its
repetitions in a row; shares of payments with a new merchant, place, hour, and of repetitions."""

FRESH: Final = HABIT.pack(0, 0, 0, 0, 0.0, 1.0, 1.0, 1.0, 1.0)
"""An account of which nothing is known: whatever is new or repeated, it is no surprise."""

REPEATED_WITHIN_S: Final = 600.0
"""The same merchant and amount within ten minutes is a repetition."""

_REPETITION_MAX: Final = 40.0

# The running share follows the last so many payments, and is never taken for less than one in a
# hundred.
_MEMORY: Final = 30.0
_KEPT: Final = 1.0 - 1.0 / _MEMORY
_SHARE_MIN: Final = 0.01


def judge_novelty(
    habits: bytearray,
    place: int,
    merchant: str,
    location: str | None,
    minor_units: int,
    at: float,
    passed_s: float,
) -> tuple[float, float]:
    """Return the surprise of what is new about a payment and of its repetition; learn it.

    place: of the account's habit in the buffer. passed_s: since its payment before.
    """
    (merchants, places, hours, last, repeated, by_merchant, by_place, by_hour, by_repeat) = (
        HABIT.unpack_from(habits, place)
    )
    key = crc32(merchant.encode("utf-8", "surrogatepass"))
    surprise = 0.0
    bit = 1 << (key & 63)
    if merchants & bit:
        by_merchant *= _KEPT
    else:
        surprise -= log(max(by_merchant, _SHARE_MIN))
        by_merchant += (1.0 - by_merchant) / _MEMORY
        merchants |= bit
    bit = 1 << (int(at) // 3600 % 24)
    if hours & bit:
        by_hour *= _KEPT
    else:
        surprise -= log(max(by_hour, _SHARE_MIN))
        by_hour += (1.0 - by_hour) / _MEMORY
        hours |= bit
    if location is not None:
        bit = 1 << (crc32(location.encode("utf-8", "surrogatepass")) & 31)
        if places & bit:
            by_place *= _KEPT
        else:
            surprise -= log(max(by_place, _SHARE_MIN))
            by_place += (1.0 - by_place) / _MEMORY
            places |= bit
    # 0 is the key of no payment.
    key = (key ^ minor_units * 0x9E3779B1) & 0xFFFFFFFF or 1
    if key == last and abs(passed_s) <= REPEATED_WITHIN_S:
        repeated = min(repeated - log(max(by_repeat, _SHARE_MIN)), _REPETITION_MAX)
        by_repeat += (1.0 - by_repeat) / _MEMORY
    else:
        repeated = 0.0
        by_repeat *= _KEPT
    HABIT.pack_into(
        habits, place,
        merchants, places, hours, key, repeated, by_merchant, by_place, by_hour, by_repeat,
    )  # fmt: skip
    return surprise, repeated
