"""E-mail addresses: one normal form, so that one person has one account."""

from __future__ import annotations

import re
from typing import Final

from aether_core.errors import InvalidInput

EMAIL_LENGTH_MAX: Final = 254
"""RFC 5321 section 4.5.3.1.3, less the brackets around a path."""
_LOCAL_LENGTH_MAX: Final = 64

# What browsers take for <input type=email> (WHATWG HTML, "valid email address"): ASCII only, so
# that two addresses which look alike are alike.
_FORM: Final = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]+"
    r"@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*"
)


def normalise_email(text: str) -> str:
    """Return an address without spaces around it and in lower case. Raises InvalidInput."""
    email = text.strip(" ").lower()
    local, _, _ = email.partition("@")
    if (
        len(email) > EMAIL_LENGTH_MAX
        or len(local) > _LOCAL_LENGTH_MAX
        or _FORM.fullmatch(email) is None
    ):
        raise InvalidInput("email", "This is not an e-mail address.")
    return email
