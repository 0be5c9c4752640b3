.PHONY: test demo lint build ci

test: ; go test ./...
demo: ; go run ./cmd/headway demo
lint: ; test -z "$$(gofmt -l .)" && go vet ./... && go tool -modfile=tools/go.mod staticcheck ./...
build: ; .ci/build bin/headway
ci: ; .ci/run
