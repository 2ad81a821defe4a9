# syntax=docker/dockerfile:1

# Both base images are named by a tag here, because a digest must come from the registry and not from a repository's
# author. Pin them when you build:
#
#   tagpin resolve rust:1.95-slim-trixie gcr.io/distroless/cc-debian13:nonroot
#   docker build --build-arg BUILD_IMAGE=…@sha256:… --build-arg RUNTIME_IMAGE=…@sha256:… --tag tagpin .
#
# Builder and runtime are of the same Debian release: the binary is linked against its glibc.
ARG BUILD_IMAGE=docker.io/library/rust:1.95-slim-trixie
# CA certificates and glibc, no shell, no package manager. An image with docker's credential helpers in its PATH does as
# well: they are started when docker's config.json names them.
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian13:nonroot

FROM ${BUILD_IMAGE} AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY src src
# It is printed by `tagpin config schema`.
COPY schema schema
# The manifest names it.
COPY benches benches
RUN cargo build --profile dist --locked --bin tagpin \
    && install -D -m 0755 target/dist/tagpin /out/usr/local/bin/tagpin \
    && install -d -m 0700 -o 65532 -g 65532 /out/var/cache/tagpin
COPY LICENSE-APACHE LICENSE-MIT /out/usr/share/doc/tagpin/

FROM ${RUNTIME_IMAGE}
ARG RUNTIME_IMAGE
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="tagpin" \
      org.opencontainers.image.description="Pins container image tags in manifests to digests and opens pull requests" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${RUNTIME_IMAGE}"
COPY --from=build /out/usr/ /usr/
# Clones are kept here between runs: mount a volume that 65532 may write, the rest may be read-only.
COPY --from=build --chown=65532:65532 /out/var/cache/tagpin /var/cache/tagpin
ENV TAGPIN_CACHE_DIR=/var/cache/tagpin
# Numeric, so that Kubernetes can check `runAsNonRoot`.
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["/usr/local/bin/tagpin"]
CMD ["--help"]
