# The Python and Debian that the tests run on. The tag gets their security fixes with every build;
# to pin it harder: --build-arg BASE=python:3.11-slim-bookworm@sha256:...
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS builder
RUN python -m venv --without-pip /venv
COPY requirements/all.txt /venv/requirements.txt
RUN python -m pip --python /venv/bin/python install --quiet --no-cache-dir --no-compile \
    --only-binary=:all: --require-hashes --requirement /venv/requirements.txt
COPY config /app/config
COPY providers /app/providers
COPY gateway /app/gateway
COPY gateway.yaml /app/
# Compiled here, since nothing can be written later; "unchecked", since copying layers may change
# times. The checkout may have been readable by its owner only.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash /venv/lib /app && \
    chmod -R a+rX,go-w /venv /app

FROM ${BASE}
ARG REVISION=unknown
LABEL org.opencontainers.image.title="messenger-auth-gateway" \
    org.opencontainers.image.description="Pluggable sign-in gateway for messenger apps" \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.revision="${REVISION}"
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GATEWAY_CONFIG=/app/gateway.yaml
WORKDIR /app
COPY --from=builder /venv /venv
COPY --from=builder /app /app

# A number, so that Kubernetes can see that it is not root. Writes nothing: run it --read-only.
USER 10001:10001

# 8080 is for the apps. 9090 (health, metrics) listens on every address as well, because probes and
# Prometheus come over the network: keep it inside, publish 8080 only.
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
# -IS: standard library only, and whatever the environment says; no proxy on the way to ourselves.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["python", "-IS", "-c", \
    "from urllib.request import *; build_opener(ProxyHandler({})).open('http://127.0.0.1:9090/healthz', timeout=2)"]
ENTRYPOINT ["python", "-m", "gateway"]
CMD ["serve", "--listen", "0.0.0.0:8080", "--admin", "0.0.0.0:9090"]
