# Headway in an image that holds one static binary, the certificates of the public
# authorities and the time zones, and runs as nobody in particular.

FROM golang:1.26-bookworm AS build
WORKDIR /src
# Modules first: they are fetched anew only when these two files change.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN .ci/build /out/headway
RUN .ci/build --libcrypto /out/headway-libcrypto
# The data folder: a new volume takes its owner from the image.
RUN mkdir -p /out/lib/headway

# docker build --target libcrypto: signs with OpenSSL's RSA, several times as fast.
FROM gcr.io/distroless/base-debian12:nonroot AS libcrypto
COPY --from=build /out/headway-libcrypto /headway
COPY --from=build --chown=65532:65532 /out/lib/ /var/lib/
ENV HEADWAY_DATA=/var/lib/headway
VOLUME /var/lib/headway
USER 65532:65532
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/headway", "health"]
ENTRYPOINT ["/headway"]
CMD ["serve"]

# The last stage is what is built when no target is named.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/headway /headway
COPY --from=build --chown=65532:65532 /out/lib/ /var/lib/
ENV HEADWAY_DATA=/var/lib/headway
VOLUME /var/lib/headway
USER 65532:65532
# The pages, and what recipients may reach.
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/headway", "health"]
ENTRYPOINT ["/headway"]
CMD ["serve"]
