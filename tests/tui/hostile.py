"""Texts that an attacker would choose: each must be shown as harmless text, on every screen."""

from __future__ import annotations

HOSTILE_TEXTS = (
    "[bold red]x[/]",
    "acct[/acct]",
    "[@click=app.quit]click me[/]",
    "[link=https://evil.example]x[/link]",
    "a\\[b]",
    "\x1b[2J\x1b[H gone",
    "\x1b]0;owned\x07title",
    "\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x9b31mred\x9d0;owned\x9c",
    "two\nlines\r\nand\ttabs\x0b\x0c",
    "line\u2028and\u2029paragraph\x85next",
    "\u202eexe.gnp",
    "\u2066isolate\u2069 \u200bzero\u200dwidth\ufeff",
    "nul\x00inside",
    "\ud7ff\ue000\U000f0000 private",
    "Z" + "\u0351\u0489\u036f" * 200 + "algo",
    "界" * 400,
    "👩‍👩‍👧‍👦" * 20,
    "%s %d {0} {self.client}",
    "x" * 10_240,
    "",
)
