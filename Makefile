# Shortcuts; README.md and .ci/run say what they stand for.

GOFLAGS_BUILD = -trimpath -ldflags "-s -w"

.PHONY: build test ci bench

build: ## static binaries in bin/
	CGO_ENABLED=0 go build $(GOFLAGS_BUILD) -o bin/ ./cmd/...

test:
	go test ./...

ci:
	.ci/run

bench:
	go run -C bench/compare .
