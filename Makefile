# lesson: TCP, live in the terminal. `make help` lists what can be made.

GO        ?= go
PREFIX    ?= /usr/local
DESTDIR   ?=
FUZZTIME  ?= 30s
FUZZERS   ?= $(shell nproc 2>/dev/null || echo 1)
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LESSON    ?= handshake
ROUNDS    ?= 3
KERNELS   ?= 6.1.0-50-amd64 6.1-amd64 6.12-amd64 6.1-arm64 6.12-arm64

# Packages in which goroutines meet.
RACY = ./capture/... ./lesson ./lesson/stage/... ./lesson/trial ./cmd/...

GOLANGCI    = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0

export CGO_ENABLED = 0
export GOFLAGS    += -buildvcs=false

.DEFAULT_GOAL = build
.PHONY: help build run test race lint fuzz cover bench bench-peers kernels profile docs vuln install uninstall clean go needs

help: ## print this
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: go ## build bin/lesson, a static binary
	@$(GO) build -trimpath -pgo cmd/lesson/explain.pgo -ldflags '-s -w -X main.version=$(VERSION)' -o bin/lesson ./cmd/lesson

run: build ## build it and play a lesson live: make run LESSON=teardown
	@bin/lesson $(LESSON)

test: needs ## run every test; installs what they need
	$(GO) test -p 1 -timeout 20m ./... # one package at a time: live tests share the processors with nobody
	@$(MAKE) --no-print-directory race

race: needs ## run the tests in which goroutines meet under the race detector
	@if command -v gcc >/dev/null; then \
		GORACE=atexit_sleep_ms=0 CGO_ENABLED=1 $(GO) test -race -short -timeout 10m $(RACY); \
	else echo "race detector: skipped, it needs gcc"; fi

lint: go ## gofmt, go vet, golangci-lint (staticcheck and more), go.mod in order
	@out=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$out" ] || { echo "gofmt would change: $$out"; exit 1; }
	$(GO) vet ./...
	$(GO) mod tidy -diff
	$(GO) run $(GOLANGCI) run ./...

fuzz: go ## fuzz every target for FUZZTIME each, FUZZERS at a time
	@grep -ro --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sed 's|/[^/]*:func | |' | sort | \
		GO=$(GO) xargs -L 1 -P $(FUZZERS) .ci/fuzz $(FUZZTIME)

cover: go ## write coverage.out and print the total
	$(GO) test -coverpkg=./... -coverprofile=coverage.out $$($(GO) list ./... | grep -v capture/private)
	@$(GO) tool cover -func=coverage.out | tail -n 1

bench: go ## run the benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

bench-peers: build ## measure it against tcptrace, tcpdump and tshark; installs them (docs/performance.md)
	@if ! { command -v tcptrace && command -v tcpdump && command -v tshark && command -v cc && [ -e /usr/include/pcap/pcap.h ]; } >/dev/null; then \
		as=; [ "$$(id -u)" = 0 ] || as=sudo; \
		$$as apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$as apt-get install -y -qq --no-install-recommends \
			tcptrace tcpdump tshark gcc libc6-dev libpcap-dev >/dev/null; \
	fi
	@$(GO) run ./cmd/peers -rounds $(ROUNDS)

kernels: go ## play and compare on Debian's 6.1 and 6.12, amd64 and arm64, in qemu; installs it
	@GO=$(GO) .ci/kernels $(KERNELS)

profile: go ## measure where a summary spends its time, for the compiler (docs/performance.md)
	$(GO) test -trimpath -run '^$$' -bench BenchmarkExplain/table -benchtime 15s -cpuprofile cmd/lesson/explain.pgo -o /dev/null ./lesson

docs: go ## regenerate what is generated in docs/, and the goldens
	$(GO) test ./lesson/stage -run TestPrivate -update # the others read what it writes
	$(GO) test $$(git grep -l 'flag.Bool("update"' -- '*_test.go' | xargs -n 1 dirname | sort -u | sed 's|^|./|') -update

# govulncheck ends with 3 where it has found something.
vuln: go ## look for known holes in what we depend on; VULNDB=DIRECTORY is a copy of vuln.go.dev
	@GOBIN=$(CURDIR)/bin $(GO) install $(GOVULNCHECK) && bin/govulncheck $(if $(VULNDB),-db=file://$(abspath $(VULNDB))) ./...; \
	code=$$?; [ $$code = 0 ] || [ $$code = 3 ] || [ -z "$$CI" ] || { echo "vuln: skipped, the reason stands above"; exit 0; }; exit $$code

install: ## put lesson and its completions where `sudo lesson` finds them
	@test -x bin/lesson || $(MAKE) --no-print-directory build
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	install -m 755 bin/lesson $(DESTDIR)$(PREFIX)/bin/lesson
	bin/lesson completion bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/lesson
	bin/lesson completion zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_lesson
	bin/lesson completion fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/lesson.fish

uninstall: ## undo install
	rm -f $(DESTDIR)$(PREFIX)/bin/lesson $(DESTDIR)$(PREFIX)/share/bash-completion/completions/lesson \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_lesson $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/lesson.fish

clean: ## remove what was built
	rm -rf bin coverage.out

# From 1.21 on, Go fetches the version that go.mod asks for, where it can.
go:
	@command -v $(GO) >/dev/null || { echo "Go is missing: https://go.dev/dl has it" >&2; exit 1; }
	@want=$$(sed -n 's/^go //p' go.mod); is=$$($(GO) env GOVERSION 2>/dev/null || { cd / && $(GO) version | awk '{print $$3}'; }); \
	[ "$$(printf '%s\n' "$$want" "$${is#go}" | sort -V | head -n 1)" = "$$want" ] || \
		{ echo "Go $$want or later is needed, and this is $${is#go}: https://go.dev/dl has it" >&2; exit 1; }

# The race detector needs a C compiler, and the article's programs need python3.
# Without them, and without the right to install them, those tests are skipped.
needs: go
	@for p in gcc python3 tcpdump; do command -v $$p >/dev/null || missing=1; done; [ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" = 0 ]; then as=; elif sudo -n true 2>/dev/null; then as="sudo -n"; else exit 0; fi; \
	command -v apt-get >/dev/null || exit 0; \
	echo "installing gcc for the race detector, python3 and tcpdump"; \
	$$as apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$as apt-get install -y -qq --no-install-recommends gcc libc6-dev python3 tcpdump >/dev/null || true
