# docker build -t offhook .      (with more of the extras in pyproject.toml: --build-arg EXTRAS=local,opus,g722,twilio)
# docker run --network host -v offhook:/var/lib/offhook offhook
# Behind a bridge instead of the host's network: publish 5060/udp, 8080 and the RTP ports one to one, and tell the
# callers' side where to send media: -e OFFHOOK_SIP__ADVERTISED_HOST=<address of the host>
# `docker stop` waits for ten seconds, calls end by themselves for as long as they last:  --stop-timeout 1830
# A bot in Python:  FROM offhook, COPY bot.py ., ENTRYPOINT ["python", "bot.py"], CMD [] and OFFHOOK_SIP__HOST=0.0.0.0
# The pages, from another machine:  -e OFFHOOK_HTTP__PASSWORD=<a long one>
# Twilio's calls:  -e OFFHOOK_TWILIO__PUBLIC_URL=https://… -e OFFHOOK_TWILIO__AUTH_TOKEN=…
# Media under real-time scheduling, where other programs share the cores:  --ulimit rtprio=1

FROM node:22-bookworm-slim AS page
WORKDIR /page
COPY package.json ./
RUN npm install --omit=dev --no-package-lock --ignore-scripts --no-audit --no-fund

FROM python:3.11-slim-bookworm AS build
ARG EXTRAS=local
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/* \
    && python -m venv /opt/offhook
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY build_support build_support
COPY sip sip
COPY telephony telephony
COPY pipeline pipeline
COPY offhook offhook
COPY --from=page \
    /page/node_modules/wavesurfer.js/dist/wavesurfer.esm.js \
    /page/node_modules/wavesurfer.js/dist/plugins/regions.esm.js \
    /page/node_modules/wavesurfer.js/LICENSE \
    offhook/web/page/vendor/wavesurfer/
# The build fetches the detector's model from the silero-vad wheel, which is why it needs the package index.
RUN /opt/offhook/bin/pip install ".[${EXTRAS}]" \
    && /opt/offhook/bin/pip uninstall --yes pip
# The native media is optional for who installs, but not here. -P: what is installed, and not what is in this folder.
RUN /opt/offhook/bin/python -P -c 'import offhook.telephony.native._frames, offhook.telephony.native._media'

FROM python:3.11-slim-bookworm
RUN groupadd --system --gid 10001 offhook \
    && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/offhook --shell /usr/sbin/nologin offhook \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/offhook
COPY --from=build /opt/offhook /opt/offhook
ENV PATH=/opt/offhook/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    OFFHOOK_LOG__FORMAT=json \
    OFFHOOK_RECORDS__DIR=/var/lib/offhook \
    OFFHOOK_RTP__PORT_MIN=10000 \
    OFFHOOK_RTP__PORT_MAX=10199
USER 10001:10001
WORKDIR /var/lib/offhook
VOLUME /var/lib/offhook
EXPOSE 5060/udp 8080/tcp 10000-10199/udp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["offhook"]
CMD ["serve", "--sip", "0.0.0.0:5060", "--http", "0.0.0.0:8080"]
