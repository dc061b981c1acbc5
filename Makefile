# Run `make` or `make help` to see what there is. Everything works with Go alone;
# what needs Node is skipped where it is missing, unless CI=true.

export GOFLAGS := -mod=readonly
TOOL := go tool -modfile=internal/tools/go.mod

.PHONY: help run build test check fmt race bench soak fuzz openapi screenshots

help: ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

run: ## run the demo: a furnished server in a temporary directory
	go run ./cmd/quorate demo

build: ## build bin/quorate
	go build -trimpath -o bin/quorate ./cmd/quorate

# Property tests draw the same cases each time here, so that a green commit stays
# green; `make soak` draws new ones at each run.
test: ## pass all tests
	RAPID_SEED=2015 go test -timeout 20m ./...

check: ## formatting, vet, staticcheck
	@test -z "$$(gofmt -l cmd flags governance policy internal ui)" || { gofmt -l cmd flags governance policy internal ui; echo 'run: make fmt'; exit 1; }
	go vet ./...
	$(TOOL) staticcheck ./...

fmt: ## format the code
	$(TOOL) gofumpt -w cmd flags governance policy internal ui

race: ## all tests under the race detector
	go test -race -timeout 40m ./...

bench: ## measure, each figure beside a floor of the same run, and write docs/benchmarks.md
	{ go test -run '^$$' -bench 'Static|Cond|Roll' -benchmem -cpu 1,2 ./flags/eval; \
	  go test -run '^$$' -bench 'RealYear' -benchmem ./flags; \
	  go test -run '^$$' -bench 'HugeWorld' -benchtime 200x -benchmem ./flags; \
	  go test -run '^$$' -bench 'RecompileEverything' -benchtime 8x ./flags; \
	  go test -run '^$$' -bench 'Residual' ./policy; \
	  go test -run '^$$' -bench 'Serving|Bulk|Fan' -benchtime 9x ./cmd/quorate; \
	  go test -run '^$$' -bench 'WriteTo' -benchtime 300x ./cmd/quorate; \
	  go test -run '^$$' -bench . -benchtime 300x ./flags/provider; \
	  go test -run '^$$' -bench . -benchmem ./flags/ofrep ./governance/tally; } \
	| (cd internal/tools && go run ./benchtable) > docs/benchmarks.md.new && mv docs/benchmarks.md.new docs/benchmarks.md
	mkdir -p bench-out && go test -run '^$$' -bench 'StaticParallel|RolloutParallel' -cpu 2 -o bench-out/eval.test -mutexprofile bench-out/mutex.prof ./flags/eval >/dev/null
	{ printf '\n## Waiting for locks while evaluating on two cores\n\n```text\n'; \
	  go tool pprof -top -nodecount=4 bench-out/eval.test bench-out/mutex.prof 2>/dev/null | sed 1,2d; printf '```\n'; } >> docs/benchmarks.md

soak: ## the long runs that are kept out of `make test`
	QUORATE_SOAK=1 go test -timeout 60m ./...

fuzz: ## every fuzz target for half a minute
	@grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u | while read -r dir; do \
	  for target in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]*' $$dir/*_test.go | sed 's/func //'); do \
	    echo "$$dir $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime 30s $$dir || exit 1; \
	  done; done

screenshots: ## every page as a picture, at both widths, light and dark, into .screenshots/
	rm -rf .screenshots && mkdir .screenshots
	QUORATE_SCREENSHOTS=$(CURDIR)/.screenshots go test -count=1 -run 'EveryPageIsAccessible' ./cmd/quorate

openapi: ## write docs/openapi.yaml anew after a change of the API
	QUORATE_UPDATE=1 go test -run OpenAPI ./internal/server
