"""`aether labels`: chargebacks become labels, once; what makes no sense changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import httpx

from tests.api.calls import new_account, submit, wait_written
from tests.cli.test_reports import fails
from tests.running import RunningSystem, aether


def test_a_file_of_chargebacks_is_taken_once(
    system: RunningSystem, service: httpx.Client, tmp_path: Path
) -> None:
    ids = [submit(service, account_id=new_account())["id"] for _ in range(3)]
    for identifier in ids:
        wait_written(service, identifier)
    file = tmp_path / "chargebacks.csv"
    file.write_text(
        f"transaction_id,amount,resolution\n{ids[0]},1.00,fraud\n{ids[1]},2.00,legitimate\n"
    )
    assert "2 labelled, 0 unchanged, 0 refused" in aether(system, "labels", "import", str(file))
    assert "0 labelled, 2 unchanged" in aether(system, "labels", "import", str(file))
    assert "labelled" in aether(system, "labels", "add", ids[2], "--as", "fraud")
    trail = json.loads(aether(system, "audit", "list", "--subject", ids[2], "--json"))
    assert [entry["action"] for entry in trail] == ["transaction.label"]

    file.write_text(f"transaction_id,resolution\n{ids[0]},none\nnonsense,fraud\n")
    assert "Line 3 is no label; nothing was done" in fails(system, "labels", "import", str(file))
    file.write_text("id,resolution\n")
    assert "no column transaction_id" in fails(system, "labels", "import", str(file))
    assert "A label is" in fails(system, "labels", "add", ids[0], "--as", "perhaps")
