# Shortcuts; README.md and .ci/run say what they stand for.

# The same commit and the same Go give the same bytes, wherever they are built. A version
# comes from git, also where Go's own settings say not to ask it.
GOFLAGS_BUILD = -buildvcs=auto -trimpath -ldflags "-s -w"

# The date of the manual pages.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null)
export SOURCE_DATE_EPOCH

DESTDIR    =
PREFIX     = /usr/local
BINDIR     = $(PREFIX)/bin
CNIDIR     = /opt/cni/bin
MANDIR     = $(PREFIX)/share/man/man1
UNITDIR    = $(PREFIX)/lib/systemd/system
DOCDIR     = $(PREFIX)/share/doc/leasehold

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

# It builds nothing, because root has neither the Go nor the git of who did. The plugin
# changes in one step: containers may come and go meanwhile.
install: ## what make build has built, and what belongs to it, below DESTDIR
	@test -x bin/host-local || { echo "bin/host-local is not there; run make build first" >&2; exit 1; }
	install -D -m 755 bin/host-local $(DESTDIR)$(CNIDIR)/.host-local.new
	mv -f $(DESTDIR)$(CNIDIR)/.host-local.new $(DESTDIR)$(CNIDIR)/host-local
	install -d $(DESTDIR)$(MANDIR)
	umask 022 && for tool in $(TOOLS); do \
		install -D -m 755 bin/$$tool $(DESTDIR)$(BINDIR)/$$tool && \
		bin/$$tool man $(DESTDIR)$(MANDIR) && \
		packaging/completion bin/$$tool $(DESTDIR)$(PREFIX)/share || exit 1; \
	done
	install -D -m 644 -t $(DESTDIR)$(UNITDIR) packaging/systemd/*
	install -D -m 644 -t $(DESTDIR)$(DOCDIR) README.md DESIGN.md CHANGELOG.md SECURITY.md LICENSE
	install -D -m 644 -t $(DESTDIR)$(DOCDIR)/docs docs/*.md
	install -D -m 644 -t $(DESTDIR)$(DOCDIR)/examples examples/*.json examples/*.conflist packaging/daemonset.yaml

packages: ## a deb and an rpm in dist/
	packaging/packages

clean:
	rm -rf bin dist
