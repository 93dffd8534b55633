"""Help: every key that works here, made from the bindings, so that it cannot be out of date."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.dom import DOMNode
from textual.screen import Screen

from aether_tui.theme import BLUE, FAINT, MUTED, TEXT
from aether_tui.widgets.dialog import Dialog
from aether_tui.widgets.text_view import TextView

_KEY_WIDTH = 12
_NAME_WIDTH = 16
# What the card of 76 cells leaves beside its frame, its scrollbar, key and name.
_TOOLTIP_WIDTH = 38


@dataclass(frozen=True)
class KeyHelp:
    """One action, the keys that start it, and the node whose action it is."""

    keys: str
    name: str
    tooltip: str
    group: str
    action: str
    node: DOMNode
    is_movement: bool
    """Moves a cursor: nothing that one would look for by name."""


class Help(Dialog[None]):
    """A scrolling card over the screen that it explains."""

    AUTO_FOCUS = "#help"  # so that the arrows scroll it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape,question_mark,f1,q",
            "dismiss",
            "Close",
            id="help.close",
            tooltip="Close the help",
        ),
    ]

    def __init__(self, keys: Sequence[KeyHelp], notes: Sequence[str] = ()) -> None:
        super().__init__()
        self._keys = keys
        self._notes = notes

    def compose(self) -> ComposeResult:
        """A heading a group, a line an action; then what the screen has to add."""
        yield TextView([Text("Keys", f"bold {BLUE}"), *self._lines()], id="help", classes="card")

    def _lines(self) -> Iterable[Text]:
        for group in dict.fromkeys(key.group for key in self._keys):
            yield Text(group.upper(), f"bold {MUTED}")
            for key in self._keys:
                if key.group == group:
                    yield from _explain(key)
            yield Text("")
        for note in self._notes:
            yield Text(note, MUTED)


def _explain(key: KeyHelp) -> Iterable[Text]:
    """A line for the key, and more beneath its explanation where that is long."""
    first, *more = textwrap.wrap(key.tooltip, _TOOLTIP_WIDTH)
    yield Text.assemble(
        (f"  {key.keys:<{_KEY_WIDTH}}", f"bold {BLUE}"),
        (f"{key.name:<{_NAME_WIDTH}}", TEXT),
        (first, FAINT),
    )
    for rest in more:
        yield Text(" " * (2 + _KEY_WIDTH + _NAME_WIDTH) + rest, FAINT)


def collect_keys(screen: Screen[object]) -> tuple[KeyHelp, ...]:
    """What the keys do on this screen now: the focused panel's first, moving about last."""
    merged: dict[tuple[str, str], tuple[list[str], ActiveBinding]] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if binding.system or not binding.tooltip:
            continue
        keys, _ = merged.setdefault((active.node.__class__.__name__, binding.action), ([], active))
        display = screen.app.get_key_display(binding)
        if display not in keys:
            keys.append(display)
    helps = [
        KeyHelp(
            keys=" ".join(keys),
            name=active.binding.description,
            tooltip=active.binding.tooltip,
            group="Moving" if _is_movement(active) else _group(active),
            action=active.binding.action,
            node=active.node,
            is_movement=_is_movement(active),
        )
        for keys, active in merged.values()
    ]
    order = {"This panel": 0, "This screen": 1, "Everywhere": 2, "Moving": 3}
    return tuple(sorted(helps, key=lambda key: order[key.group]))


def _is_movement(active: ActiveBinding) -> bool:
    return (active.binding.id or "").startswith("table.move.")


def _group(active: ActiveBinding) -> str:
    if isinstance(active.node, Screen):
        return "This screen"
    return "Everywhere" if active.node is active.node.app else "This panel"
