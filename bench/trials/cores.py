"""Who runs where: two workers, each with a core, the load and the upstreams beside them."""

from __future__ import annotations

import os
from typing import Final

_CORES: Final = sorted(os.sched_getaffinity(0))

WORKERS: Final = ",".join(map(str, _CORES[:2]))
LOAD: Final = _CORES[2 % len(_CORES)]
UPSTREAMS: Final = _CORES[3 % len(_CORES)]
