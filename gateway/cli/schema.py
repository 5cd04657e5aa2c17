"""``schema``: the JSON Schema of gateway.yaml, every provider type included."""

from __future__ import annotations

import argparse
import json

import providers
from config import settings_schema


def run(_options: argparse.Namespace) -> int:
    """Print the schema."""
    schemas = {
        name: providers.load_class(name).Config.model_json_schema()
        for name in providers.available()
    }
    print(json.dumps(settings_schema(schemas), indent=2))
    return 0
