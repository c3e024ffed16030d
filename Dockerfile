# Keyward in an empty root: nothing but the binary, the four shared objects that it asks for, and CA certificates.
#
#   docker build -t keyward .
#
# Why this way: the binary is linked with glibc, as it is tested and measured, and glibc's four files come along (3 MB;
# 33 MB in all). Linked with musl it needs none of them, and answers GET /users/me a third less often: 42,000 a second
# where this one answers 66,000, on two cores. There is no shell and no package manager in the image; to renew glibc and
# the certificates, build it again with --pull. MongoDB is in it; without `--features mongodb` it is smaller, and has none.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
# .dockerignore lists what comes in.
COPY . .
# The mounts keep crates and their objects from one build to the next; they are no part of any image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --features mongodb --package keyward --bin keyward \
    && scripts/image-root target/release/keyward /image

FROM scratch
LABEL org.opencontainers.image.title="Keyward" \
      org.opencontainers.image.description="User accounts for people who build applications, in one binary" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /image/system/ /
COPY --from=build --chown=65532:65532 /image/own/ /
# The port to listen on, on every address. It is not KEYWARD_SERVER_LISTEN, which would win over the PORT of a host.
ENV PORT=8000
EXPOSE 8000
# The data lies in /keyward-data, which is to be a volume, unless DATABASE_URL names a server and S3_BUCKET a bucket.
WORKDIR /
USER 65532:65532
# There is no HEALTHCHECK: nothing in here could ask. Whoever runs the container asks GET /health/ready.
ENTRYPOINT ["/keyward"]
CMD ["serve"]
