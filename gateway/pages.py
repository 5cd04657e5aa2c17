"""What a person sees who opens the gateway's address in a browser."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Final

from aiohttp import web

_STYLE: Final = (
    ":root{color-scheme:light dark}"
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem}"
)
# The hash of the one style sheet, so that nothing else can be slipped into the page.
_STYLE_HASH: Final = "sha256-" + b64encode(sha256(_STYLE.encode()).digest()).decode()
_HOME: Final = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign-in gateway</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>Sign-in gateway</h1>
<p>This address is for messenger apps: they post their sign-in here. There is nothing to see in a
browser.</p>
</main>
</body>
</html>
"""
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src '{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Server": "messenger-auth-gateway",
    "X-Content-Type-Options": "nosniff",
}


def home() -> web.Response:
    """The page at ``GET /``."""
    return web.Response(text=_HOME, content_type="text/html", headers=_HEADERS)
