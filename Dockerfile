# syntax=docker/dockerfile:1
# berth in a container: small, not root, data in /data.
#   docker build -t berth .
#   docker run -p 5000:5000 -v berth:/data -e BERTH_ACCESS_ALLOW_OPEN=true berth
ARG BASE=node:24-slim

# Packages, and the addon where the base image has a compiler.
FROM ${BASE} AS build
WORKDIR /berth
COPY package.json package-lock.json ./
RUN npm install --omit=dev --no-save --no-audit --no-fund --loglevel=error
COPY bin/node-flags bin/node-flags
COPY config config
COPY storage storage
COPY src src
RUN node src/http/native/build.cjs

FROM ${BASE}
WORKDIR /berth
COPY --from=build /berth /berth
# Nobody's data directory, so that a volume mounted there belongs to the right user.
RUN mkdir /data && chown 65532:65532 /data
USER 65532:65532
ENV BERTH_LISTEN=0.0.0.0:5000 BERTH_STORAGE_BLOBS_DIRECTORY=/data
VOLUME /data
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:5000/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/bin/sh", "-c", "read -r flags </berth/bin/node-flags; exec node $flags /berth/src/main.ts \"$@\"", "berth"]
CMD ["serve"]
