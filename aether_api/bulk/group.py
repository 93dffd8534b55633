"""Group: the items of a bulk request of which all or none is to be accepted.

In:   its body, in either form.
Out:  every item checked, or one problem that names all that is wrong with any of them.
"""

from __future__ import annotations

from typing import Final

from starlette.types import Receive

from aether_api.access import Caller
from aether_api.bulk.intake import check_item
from aether_api.bulk.items import read_array, read_lines
from aether_api.bulk.together import ITEM_COUNT_MAX
from aether_api.problems import BodyTooLarge
from aether_core.errors import AetherError, InvalidFields, InvalidInput, NotPermitted
from aether_core.settings import GatewaySettings
from aether_core.stream.publisher import Submission

BYTES_MAX: Final = 8 * 1024 * 1024
"""Most bytes of a group's items: unlike those of other bulk requests they are held together."""

_ERRORS_MAX: Final = 100


async def read_group(
    receive: Receive, caller: Caller, settings: GatewaySettings, *, is_lines: bool
) -> list[tuple[str, Submission]]:
    """Return what is to be appended, each with its account.

    Raises MalformedRequest, BodyTooLarge, InvalidInput, InvalidFields, NotPermitted.
    """
    read = read_lines if is_lines else read_array
    submissions: list[tuple[str, Submission]] = []
    wrong: list[InvalidInput] = []
    count = size = 0
    async for items in read(receive, settings.body_bytes_max):
        if count + len(items) > ITEM_COUNT_MAX:
            raise InvalidInput(
                "body", f"At most {ITEM_COUNT_MAX} items are taken together; none was."
            )
        for index, item in enumerate(items, count):
            size += len(item)
            if size > BYTES_MAX:
                raise BodyTooLarge(BYTES_MAX)
            try:
                submissions.append(check_item(item, caller, settings))
            except NotPermitted as error:
                raise NotPermitted(f"Item {index}: {error}") from error
            except AetherError as error:
                wrong += _named(index, error)
        count += len(items)
    if wrong:
        raise wrong[0] if len(wrong) == 1 else InvalidFields(wrong[:_ERRORS_MAX])
    return submissions


def _named(index: int, error: AetherError) -> list[InvalidInput]:
    if isinstance(error, InvalidFields):
        return [InvalidInput(f"{index}.{one.field}", one.detail) for one in error.fields]
    if isinstance(error, InvalidInput):
        return [InvalidInput(f"{index}.{error.field}", error.detail)]
    return [InvalidInput(str(index), str(error))]
