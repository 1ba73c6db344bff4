#!/usr/bin/env bash
# inv tail beside kcat, each as its user runs it: at its own defaults, the whole
# topic through a pipe whose lines and bytes are counted. Each round runs every
# program once, in turn, so that a ratio compares neighbours.
#
#   cmd/bench/tail/run.sh HOST:PORT [ROUNDS]
#
# With REGISTRY=http://127.0.0.1:8081 (such as inv broker --registry-listen) the same orders
# are also read from the topics bench_orders_avro and _protobuf, decoded; their ratios are
# to inv's time for the same in JSON.
#
# The topic bench_orders (1M orders with headers, 6 partitions) is filled if it is
# not there. Needs kcat, python3 and /usr/bin/time; JQ=1 adds kcat | jq, which takes half a
# minute a round. It fails if a program left lines out.
set -euo pipefail
brokers=${1:?usage: cmd/bench/tail/run.sh HOST:PORT [ROUNDS]}
rounds=${2:-10}
here=$(cd "$(dirname "$0")/../../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$here"
go build -o "$work/inv" ./cmd/inv
sed 's/topic: order_events$/topic: bench_orders/' scenarios/inventory.yaml >"$work/bench.yaml"
export INV_BROKERS=$brokers INV_SCENARIO=$work/bench.yaml
if ! "$work/inv" topics list 2>/dev/null | grep -q '^bench_orders\b'; then
  go run ./cmd/bench/tail/fill -b "$brokers"
fi

# encoded FORMAT is the scenario with the orders in that format.
formats=()
if [ -n "${REGISTRY:-}" ]; then
  formats=(avro protobuf)
  for format in "${formats[@]}"; do
    sed "s/topic: order_events$/topic: bench_orders_$format\n    format: $format/" scenarios/inventory.yaml >"$work/$format.yaml"
    if ! "$work/inv" topics list 2>/dev/null | grep -q "^bench_orders_$format\b"; then
      go run ./cmd/bench/tail/fill -b "$brokers" -topic "bench_orders_$format" -format "$format" -registry "$REGISTRY"
    fi
  done
fi

kcat=(kcat -b "$brokers" -t bench_orders -C -e -q -o beginning)
inv=("$work/inv" tail orders --offset start --until end)

# once NAME COMMAND… runs it into a counting pipe and notes its wall time,
# processor time and memory.
once() {
  local name=$1
  shift
  /usr/bin/time -o "$work/time" -f '%e %U %S %M' "$@" 2>/dev/null | wc -lc >"$work/count"
  echo "$name $(tail -n 1 "$work/time") $(tr -s ' ' <"$work/count")" >>"$work/all"
}

"${inv[@]}" -o raw >/dev/null # the broker's first read of the topic is nobody's
for _ in $(seq "$rounds"); do
  once kcat-raw "${kcat[@]}"
  once inv-raw "${inv[@]}" -o raw
  once inv-pretty-color "${inv[@]}" --color always
  for format in "${formats[@]}"; do
    once "inv-pretty-$format" env INV_SCENARIO="$work/$format.yaml" INV_REGISTRY="$REGISTRY" "${inv[@]}" --color always
  done
  once inv-filter "${inv[@]}" --filter '.order_total > 500'
  once kcat-J "${kcat[@]}" -J
  once inv-json "${inv[@]}" -o json
  once inv-json-color "${inv[@]}" -o json --color always
  if [ -n "${JQ:-}" ]; then
    once kcat-jq bash -c '"$@" | jq -cC .' _ "${kcat[@]}" -J
  fi
done

# Medians, with the least and the most; ratios are those of the rounds, to kcat raw, and
# of JSON to kcat -J.
python3 - "$work/all" <<'P'
import collections, statistics, sys
runs = collections.OrderedDict()
for line in open(sys.argv[1]):
    name, *numbers = line.split()
    runs.setdefault(name, []).append([float(n) for n in numbers])
def spread(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"
print(f"{'':18}{'wall s':>19}{'CPU s':>19}{'RSS MB':>8}{'lines':>9}{'bytes':>12}   wall ratio")
failed = []
for name, rs in runs.items():
    base = "kcat-J" if name.startswith("inv-json") else "kcat-raw"
    if name.endswith(("-avro", "-protobuf")):
        base = "inv-pretty-color"
    ratio = spread([r[0] / b[0] for r, b in zip(rs, runs[base])])
    lines = {r[4] for r in rs}
    if len(lines) > 1 or name != "inv-filter" and lines != {1e6}:
        failed.append(f"{name}: {sorted(lines)} lines")
    print(f"{name:18}{spread([r[0] for r in rs]):>19}{spread([r[1] + r[2] for r in rs]):>19}"
          f"{max(r[3] for r in rs) / 1024:8.1f}{rs[0][4]:9.0f}{rs[0][5]:12.0f}   {ratio} × {base}")
sys.exit("; ".join(failed))
P
