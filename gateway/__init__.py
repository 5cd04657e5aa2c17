"""The sign-in gateway: an HTTP server that turns a proof of identity into a mesibo user token.

Routes::

    POST any path        the op API             server -> wire -> login
    OPTIONS any path     CORS preflight         server
    GET /                what this is           pages
    admin: /healthz /readyz /metrics            admin

The way of a login; each step hands to the next and none goes back::

    bytes -> wire.parse -> LoginRequest -> login.Engine
        admitted app, route to a provider, throttle
        challenge pending and answered?  challenges.take -> provider.resume
        otherwise                        provider.begin -> challenges.start -> deliver
                                         (perhaps later: errands)
        identity -> addresses -> issuer.issue -> challenges.finish
    outcome -> wire.encode -> bytes; always an audit line and metrics

``app`` builds all of it from the configuration. Stores, issuers and providers are behind one
interface each; ``errors`` is the only table from failures to public words.
"""
