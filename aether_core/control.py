"""Control entries: what changes scoring from outside, at a place in the stream.

In:   a resolution, a suppression, an arrangement of versions or a census, kept as an order in
      PostgreSQL.
Out:  the wire form of the entry that carries it in every shard's stream, and its effect.
An order may be appended more than once (whoever appended it may have died before it was known);
orders carry rising numbers, so a shard's state takes each once. The payload is a MessagePack array
that begins with a tag of its own, beside those of `aether_core.transaction`.
"""

from __future__ import annotations

import msgspec

from aether_core.scoring import (
    Arrangement,
    Census,
    Label,
    ShardState,
    Suppression,
    adopt,
    learn,
    suppress,
)
from aether_core.transaction import Transaction

Change = Label | Suppression | Arrangement | Census


class Control(msgspec.Struct, frozen=True, array_like=True, tag=2, gc=False):
    """One order on its way through a shard's stream."""

    order: int
    """Its number: the later, the larger."""
    change: Change


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Transaction | Control] = msgspec.msgpack.Decoder(
    Transaction | Control
)
_change_decoder: msgspec.msgpack.Decoder[Change] = msgspec.msgpack.Decoder(Change)


def encode_control(control: Control) -> bytes:
    """Return the payload of a stream entry."""
    return _encoder.encode(control)


def decode_entry(payload: bytes) -> Transaction | Control:
    """Read the payload of any stream entry. Raises msgspec.DecodeError for anything else."""
    return _decoder.decode(payload)


def encode_change(change: Change) -> bytes:
    """Return what is kept of an order."""
    return _encoder.encode(change)


def decode_change(data: bytes) -> Change:
    """Read what was kept of an order."""
    return _change_decoder.decode(data)


def apply_control(state: ShardState, control: Control) -> bool:
    """Let the state learn an order; False: it has learnt it already, nothing changes."""
    if control.order <= state.last_order:
        return False
    state.last_order = control.order
    match control.change:
        case Label() as label:
            learn(state, label)
        case Suppression() as suppression:
            suppress(state, suppression)
        case Arrangement() as arrangement:
            state.arrange(arrangement)
        case Census() as census:
            adopt(state, census)
    return True
