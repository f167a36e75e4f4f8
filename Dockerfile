# syntax=docker/dockerfile:1
#   docker build --tag ghcr.io/assay-rs/assay:0.1.0 .
#   docker build --tag ghcr.io/assay-rs/assay-backup:0.1.0 --target backup .

FROM rust:1.95-slim-trixie AS build
WORKDIR /src
COPY . .
# The caches keep what is compiled between builds; what the image needs is put into /image.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/target \
    CARGO_TARGET_DIR=/target scripts/image-steps build /image

# pg_dump of the version of k3s/services/postgres, and rclone.
FROM debian:trixie-slim AS backup
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates postgresql-client rclone \
    && rm -rf /var/lib/apt/lists/*
COPY scripts/backup scripts/restore scripts/places.sh /usr/local/bin/
USER 65532:65532
ENV HOME=/tmp
CMD ["backup"]

# A C library, certificates, time zones, and nothing else: no shell.
FROM gcr.io/distroless/cc-debian13:nonroot
COPY --from=build /image/ /
USER 65532:65532
EXPOSE 7700 9700
ENTRYPOINT ["/usr/local/bin/assay"]
CMD ["--help"]
