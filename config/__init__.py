"""Configuration: YAML text to validated models. Knows no provider and no HTTP.

From text to settings::

    document.read ── builder.build ──► Document: values and their places
    Document.parse(Model) ──► model, or ConfigError: all problems, each with file, line and column
    loading.load ──► Settings for the gateway; each provider parses its own ``config`` later

No problem holds a value, so that no secret gets out by being in the wrong place.
"""

from config.apps import App
from config.document import Document, parse_text, read
from config.files import FilePath
from config.headers import HeaderName, HeaderValue
from config.issuer import Issuer, MesiboIssuer, SandboxIssuer
from config.loading import Loaded, load, validate
from config.model import Model
from config.network import Cidr, HostPort, Origin, PublicUrl, SecureUrl
from config.problems import ConfigError, Problem
from config.quantities import Duration, Limit, Size
from config.schema import settings_schema
from config.secret import Secret
from config.settings import ProviderEntry, Settings, TlsFiles
from config.tracing import Tracing

__all__ = [
    "App",
    "Cidr",
    "ConfigError",
    "Document",
    "Duration",
    "FilePath",
    "HeaderName",
    "HeaderValue",
    "HostPort",
    "Issuer",
    "Limit",
    "Loaded",
    "MesiboIssuer",
    "Model",
    "Origin",
    "Problem",
    "ProviderEntry",
    "PublicUrl",
    "SandboxIssuer",
    "Secret",
    "SecureUrl",
    "Settings",
    "Size",
    "TlsFiles",
    "Tracing",
    "load",
    "parse_text",
    "read",
    "settings_schema",
    "validate",
]
