# The server, its command line and its migrations in one image; what runs is decided by the command.
ARG PYTHON_VERSION=3.11

FROM python:${PYTHON_VERSION}-slim AS build
WORKDIR /build
RUN python -m venv /opt/titer
# First what changes seldom: the libraries, exactly those of the lock file, no source built here.
COPY requirements.lock ./
RUN /opt/titer/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps \
    --require-hashes --only-binary=:all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
COPY migrations ./migrations
RUN /opt/titer/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps \
    --no-build-isolation --no-index .

FROM python:${PYTHON_VERSION}-slim
RUN groupadd --system --gid 10001 titer \
    && useradd --system --uid 10001 --gid titer --home-dir /var/lib/titer --create-home titer
COPY --from=build /opt/titer /opt/titer
ENV PATH=/opt/titer/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TITER_DRAIN_SECONDS=5
# SQLite's file and the audit's anchors are written below here, in var/.
WORKDIR /var/lib/titer
USER titer
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
CMD ["titer", "serve", "--host", "0.0.0.0", "--port", "8000"]
