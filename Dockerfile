# The first stage builds a virtual environment, the second holds that and nothing to build or download with.
# By its tag this is the newest of its kind; with a digest behind it, `3.13-slim@sha256:…`, one image for good. How to find
# and renew that: docs/operating.md, under Docker.
ARG PYTHON=3.13-slim

FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/email-profile-bot
WORKDIR /source
# Dependencies change less often than the program: Docker keeps this layer until they do.
COPY requirements.txt ./
RUN /opt/email-profile-bot/bin/pip install --require-hashes -r requirements.txt
COPY . .
RUN /opt/email-profile-bot/bin/pip install --no-deps --no-build-isolation . \
    && /opt/email-profile-bot/bin/pip uninstall --yes setuptools pip

FROM python:${PYTHON}
# A number that stays the same, so that who owns the data is the same in every version, and on the host.
RUN useradd --uid 10001 --user-group --home-dir /data --no-create-home --shell /usr/sbin/nologin bot \
    && install --directory --owner bot --group bot --mode 0700 /data
COPY --from=build /opt/email-profile-bot /opt/email-profile-bot
# In a container the outside is reached through the container's own address; what is published decides who gets in.
# glibc gives threads heaps of their own, up to eight a core, and gives freed memory back ever later as larger blocks are
# freed. Two heaps, and its first threshold (128 KiB) for good, keep the process at the size that it needs.
ENV PATH=/opt/email-profile-bot/bin:$PATH HOST=0.0.0.0 PORT=3000 SUBMISSION_HOST=0.0.0.0 MALLOC_ARENA_MAX=2 MALLOC_TRIM_THRESHOLD_=131072
# By number: Kubernetes cannot tell from a name that it is not root.
USER 10001:10001
# The only place that is written to. Without DATABASE_URL the SQLite file is made here, and a file .env is read.
WORKDIR /data
VOLUME /data
EXPOSE 3000
# Whether the process serves. A database or Slack that is away is told by /readyz, and no reason to start anew.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-c", "import http.client, os, sys; bot = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); bot.request('GET', '/healthz'); sys.exit(bot.getresponse().status != 200)"]
ENTRYPOINT ["email-profile-bot"]
CMD ["run"]
