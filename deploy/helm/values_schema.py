"""Write the gateway's own schema into the chart's.

``python -m gateway schema | python deploy/helm/values_schema.py``
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).parent / "messenger-auth-gateway" / "values.schema.json"


def merged(chart: dict[str, Any], gateway: dict[str, Any]) -> dict[str, Any]:
    """Return the chart's schema with the gateway's as that of ``config``.

    References begin at the root, so definitions move there.
    """
    config = {key: part for key, part in gateway.items() if key not in ("$defs", "$schema")}
    properties = {**chart["properties"], "config": config}
    return {**chart, "properties": properties, "$defs": gateway["$defs"]}


if __name__ == "__main__":
    updated = merged(json.loads(FILE.read_text()), json.load(sys.stdin))
    FILE.write_text(json.dumps(updated, indent=2) + "\n")
