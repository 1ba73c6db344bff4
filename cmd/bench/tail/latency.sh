#!/usr/bin/env bash
# What somebody waits for inv tail: from its start to the first line of -n 10 on
# a topic of 10M orders, and, following, from a record's acknowledgement to its
# line. Prints the least, the median, the 99th percentile and the most.
#
#   cmd/bench/tail/latency.sh HOST:PORT [STARTS]
#
# The topic bench_large (10M orders, 6 partitions, some 3 GB) is filled if it is
# not there, which takes a minute or two.
set -euo pipefail
brokers=${1:?usage: cmd/bench/tail/latency.sh HOST:PORT [STARTS]}
cd "$(dirname "$0")/../../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/inv" ./cmd/inv
go build -o "$work/latency" ./cmd/bench/tail/latency
offsets() { "$work/inv" topics list -b "$brokers" -o json | sed -n 's/.*"topic":"bench_large".*"offsets":\([0-9]*\).*/\1/p'; }
[ -n "$(offsets)" ] || go run ./cmd/bench/tail/fill -b "$brokers" -topic bench_large -n 10000000
[ "$(offsets)" -ge 10000000 ] || { echo "bench_large has only $(offsets) orders; delete it with inv topics delete" >&2; exit 1; }
"$work/latency" -b "$brokers" -inv "$work/inv" -topic bench_large -runs "${2:-100}"
