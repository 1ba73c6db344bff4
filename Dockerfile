# The image is the binary, the certificate authorities and nothing else.
#
#   docker build -t inv .
#   docker run --rm -it inv demo
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /inv ./cmd/inv

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /inv /inv
# Nobody: no user database is needed.
USER 65532:65532
ENTRYPOINT ["/inv"]
