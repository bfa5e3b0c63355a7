# Shortcuts; README.md and .ci/run say what they stand for.

# The same sources and the same Go give the same bytes, wherever they are built.
GOFLAGS_BUILD = -trimpath -ldflags "-s -w"

DESTDIR    =
PREFIX     = /usr/local
BINDIR     = $(PREFIX)/bin
CNIDIR     = /opt/cni/bin
MANDIR     = $(PREFIX)/share/man/man1
UNITDIR    = $(PREFIX)/lib/systemd/system
EXAMPLEDIR = $(PREFIX)/share/doc/leasehold/examples

TOOLS = leasehold cnitool

.PHONY: build test ci bench install packages clean

build: ## static binaries in bin/
	CGO_ENABLED=0 go build $(GOFLAGS_BUILD) -o bin/ ./cmd/...

test:
	go test ./...

ci:
	.ci/run

bench:
	go run -C bench/compare .

install: build ## the plugin, the tools, and what belongs to them, below DESTDIR
	install -D -m 755 bin/host-local $(DESTDIR)$(CNIDIR)/host-local
	install -d $(DESTDIR)$(MANDIR)
	for tool in $(TOOLS); do \
		install -D -m 755 bin/$$tool $(DESTDIR)$(BINDIR)/$$tool && \
		bin/$$tool man $(DESTDIR)$(MANDIR) && \
		packaging/completion bin/$$tool $(DESTDIR)$(PREFIX)/share || exit 1; \
	done
	install -D -m 644 -t $(DESTDIR)$(UNITDIR) packaging/systemd/*
	install -D -m 644 -t $(DESTDIR)$(EXAMPLEDIR) examples/* packaging/daemonset.yaml

packages: ## a deb and an rpm in dist/
	packaging/packages

clean:
	rm -rf bin dist
