# syntax=docker/dockerfile:1
# The image of berth: small, without root, data in /data. Equal inputs give equal bytes (docs/install.md).
#   docker build -t berth .
#   docker run -d --name berth -p 127.0.0.1:5000:5000 -v berth:/data -e BERTH_ACCESS_MODE=token berth
#   docker logs berth                      # the password of admin
#   docker exec berth berth user add alice
# The Node.js of runtime/package.json. `BASE=node:24.21.0-slim@sha256:…` also fixes its system.
ARG BASE=node:24.21.0-slim
# The same system with a C compiler, to build the addon.
ARG BUILDER=node:24.21.0

# The addon that sends blobs with sendfile.
FROM ${BUILDER} AS addon
WORKDIR /addon
COPY src/http/transfer/native .
RUN node build.cjs && test -e sendfile.node

FROM ${BASE} AS packages
WORKDIR /berth
COPY package.json package-lock.json ./
# npm writes the address of its registry into its own list of packages. Nothing reads source maps and types.
RUN npm install --omit=dev --ignore-scripts --no-save --no-audit --no-fund --loglevel=error \
  && rm node_modules/.package-lock.json \
  && find node_modules \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' \) -delete
COPY packaging/sbom.ts /build/packaging/
COPY src/images/packages /build/src/images/packages
RUN cp package.json package-lock.json /build \
  && node --disable-warning=ExperimentalWarning /build/packaging/sbom.ts / >sbom.cdx.json

FROM ${BASE}
WORKDIR /berth
COPY --from=packages /berth /berth
COPY bin/node-flags bin/node-environment bin/
COPY config config
COPY storage storage
COPY src src
COPY --from=addon /addon/sendfile.node src/http/transfer/native/sendfile.node
COPY --chmod=755 deploy/image /usr/local/bin
# The data folder belongs to the user of the server, and so does a volume that is mounted there.
RUN mkdir -p /data node_modules/.cache && chown 65532:65532 /data node_modules/.cache
USER 65532:65532
# Node.js keeps compiled code for each user. Without it a start takes twice the time and a quarter more memory.
RUN berth-compile
ARG BASE
ARG VERSION=0.2.0
# The commit.
ARG REVISION=unknown
LABEL org.opencontainers.image.title=berth \
  org.opencontainers.image.base.name=${BASE} \
  org.opencontainers.image.revision=${REVISION} \
  org.opencontainers.image.description="An OCI image registry" \
  org.opencontainers.image.licenses=Apache-2.0 \
  org.opencontainers.image.version=${VERSION}
ENV BERTH_LISTEN=0.0.0.0:5000 BERTH_STORAGE_BLOBS_DIRECTORY=/data
VOLUME /data
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=10s --start-period=10s CMD ["berth-health"]
ENTRYPOINT ["berth"]
CMD ["serve"]
