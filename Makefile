# Shortcuts; `make help` lists them.

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
LIBEXECDIR = /usr/libexec/leasehold
DOCDIR     = $(PREFIX)/share/doc/leasehold

# Where build puts the programs and install finds them, and programs that run on this
# machine, which write the manual pages and completions: another directory if BIN is for
# another architecture.
BIN        = bin
NATIVE     = $(BIN)

TOOLS = leasehold cnitool

.DEFAULT_GOAL = build

.PHONY: help build cluster check test race ci bench install packages dist clean

help: ## this list
	@awk -F ' ?## ' '/^[a-z]+:.*## / { sub(/:.*/, "", $$1); printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## static programs in bin/
	CGO_ENABLED=0 go build $(GOFLAGS_BUILD) -o $(BIN)/ ./cmd/...

cluster: ## the program in bin/ by which hosts share addresses; a module of its own
	CGO_ENABLED=0 go -C cluster build $(GOFLAGS_BUILD) -o $(abspath $(BIN))/ ./cmd/leasehold-cluster

check: ## before a commit: format, vet, lint and the short tests, without root
	.ci/run format vet lint short

test: ## all tests; CONTRIBUTING.md has the tiers and what they need
	go test ./...

race: ## the short tests with the race detector
	.ci/run race

ci: ## what has to pass before a change lands; installs Debian packages as root
	.ci/run

bench: ## whole processes beside the stock plugin and others
	go run -C bench/compare .

# It builds nothing, because root has neither the Go nor the git of the user who did. The
# plugin changes in one step: containers may come and go meanwhile.
install: ## what build has built, and what belongs to it, below DESTDIR
	@test -x $(BIN)/host-local || { echo "$(BIN)/host-local is not there; run make build first" >&2; exit 1; }
	install -D -m 755 $(BIN)/host-local $(DESTDIR)$(CNIDIR)/.host-local.new
	mv -f $(DESTDIR)$(CNIDIR)/.host-local.new $(DESTDIR)$(CNIDIR)/host-local
	install -d $(DESTDIR)$(MANDIR)
	umask 022 && for tool in $(TOOLS); do \
		install -D -m 755 $(BIN)/$$tool $(DESTDIR)$(BINDIR)/$$tool && \
		$(NATIVE)/$$tool man $(DESTDIR)$(MANDIR) && \
		packaging/completion $(NATIVE)/$$tool $(DESTDIR)$(PREFIX)/share || exit 1; \
	done
	install -D -m 644 -t $(DESTDIR)$(UNITDIR) packaging/systemd/*
	@if test -x $(BIN)/leasehold-cluster; then set -x && \
		install -D -m 755 $(BIN)/leasehold-cluster $(DESTDIR)$(LIBEXECDIR)/leasehold-cluster && \
		install -D -m 644 -t $(DESTDIR)$(UNITDIR) packaging/cluster/leasehold-cluster.service && \
		install -D -m 644 packaging/cluster/daemonset.yaml $(DESTDIR)$(DOCDIR)/examples/daemonset-cluster.yaml; fi
	install -D -m 644 -t $(DESTDIR)$(DOCDIR) README.md DESIGN.md CHANGELOG.md SECURITY.md LICENSE
	install -D -m 644 -t $(DESTDIR)$(DOCDIR)/docs docs/*.md
	install -D -m 644 -t $(DESTDIR)$(DOCDIR)/examples examples/*.json examples/*.conflist packaging/daemonset.yaml packaging/monitoring/*

packages: ## a deb and an rpm of this architecture in dist/
	packaging/packages

dist: ## what a release has, in dist/release/; docs/releasing.md
	packaging/dist

clean: ## removes what the others have built
	rm -rf bin dist .ci/bin
