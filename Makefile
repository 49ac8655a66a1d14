GOLANGCI_LINT := 2.12.2
GOVULNCHECK   := 1.8.0

COUNT    ?= 1
FUZZTIME ?= 10s
BROWSER  := server/browser

# What the linter remembers holds absolute paths: a cache of its own for every
# checkout keeps one from being told the paths of another.
export GOLANGCI_LINT_CACHE := $(CURDIR)/bin/lint-cache

.DEFAULT_GOAL := help
.PHONY: help build run generate fmt lint vet test test-full test-race test-browser golden bench fuzz verify vuln check

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build bin/headwater, without cgo
	CGO_ENABLED=0 go build -trimpath -o bin/headwater ./cmd/headwater

run: build ## Build and start the demo
	bin/headwater demo

generate: ## Regenerate ent, GraphQL and what else is generated
	go generate ./...

fmt: ## Format the code
	@$(call golangci,fmt)

lint: ## Run the linters
	@$(call golangci,run)

vet: ## Run go vet
	go vet ./...

test: ## Run the Go tests on SQLite and PostgreSQL
	go test -timeout 20m ./...

test-full: ## Run the Go tests with every case that the properties ask for
	HEADWATER_TEST_EFFORT=full go test -timeout 120m ./...

test-race: ## Run the Go tests in random order under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race -shuffle=on -timeout 30m ./...

test-browser: build ## Try the pages in a headless Chromium (needs Node and Chromium)
	npm ci --no-audit --no-fund --prefix $(BROWSER)
	cd $(BROWSER) && node --test

golden: ## Rewrite the recorded answers of the conversation tests; read the difference
	go test ./cmd/headwater -run Conversation -update

bench: ## Run the benchmarks COUNT times, as text for benchstat
	@go test -run '^$$' -bench . -benchmem -count $(COUNT) -timeout 60m ./...

fuzz: ## Fuzz each target for FUZZTIME
	@grep -rl --include='*_test.go' '^func Fuzz' . | xargs -r -n 1 dirname | sort -u | while read -r dir; do \
		listed=$$(go test -list '^Fuzz' "$$dir") || exit 1; \
		for target in $$(echo "$$listed" | grep '^Fuzz'); do \
			echo "$$dir $$target"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "$$dir" || exit 1; \
		done; \
	done

verify: ## Regenerate, tidy and format; fail if that changes what is committed
	go generate ./...
	go mod tidy
	@files=$$(gofmt -l .); test -z "$$files" || { echo "$$files"; echo 'verify: the files above are not formatted' >&2; exit 1; }
	@git diff --exit-code --stat || { echo 'verify: the files above differ from what is committed' >&2; exit 1; }
	@files=$$(git ls-files --others --exclude-standard); test -z "$$files" || { echo "$$files"; echo 'verify: the files above are not committed' >&2; exit 1; }

vuln: ## Look for known vulnerabilities (needs the network)
	@GOBIN=$(CURDIR)/bin go install golang.org/x/vuln/cmd/govulncheck@v$(GOVULNCHECK)
	@bin/govulncheck ./...; status=$$?; \
	case $$status in \
	0|3) ;; \
	*) echo 'vuln: not checked; the vulnerability database cannot be reached or the code does not build' >&2 ;; \
	esac; exit $$status

check: lint vet verify test test-race ## Everything that a pull request must pass

# golangci runs golangci-lint of the pinned version: the installed one if it is
# that, else one that go fetches.
define golangci
	if [ "$$(golangci-lint version --short 2>/dev/null)" = "$(GOLANGCI_LINT)" ]; \
	then golangci-lint $(1); \
	else go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(GOLANGCI_LINT) $(1); \
	fi
endef
