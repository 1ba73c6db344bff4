#!/usr/bin/env bash
# inv tail beside kcat: the same topic, isolation level and fetch settings,
# through a pipe whose lines and bytes are counted, runs interleaved, medians.
#
#   cmd/bench/tail/run.sh HOST:PORT [RUNS]
#
# The topic bench_orders (1M orders, 6 partitions) is filled if it is not there.
# Needs kcat, jq and /usr/bin/time; JQ=1 adds kcat | jq, which takes half a minute.
set -euo pipefail
brokers=${1:?usage: cmd/bench/tail/run.sh HOST:PORT [RUNS]}
runs=${2:-5}
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

# What both are told to fetch: at most 2 MiB an answer, 512 KiB a partition.
kcat=(kcat -b "$brokers" -t bench_orders -C -e -q -o beginning -X isolation.level=read_committed
  -X fetch.max.bytes=2097152 -X max.partition.fetch.bytes=524288 -X fetch.wait.max.ms=500)
inv=("$work/inv" tail orders --offset start --until end)

# once NAME COMMAND… runs it into a counting pipe and notes its wall time,
# processor time and memory.
once() {
  local name=$1
  shift
  /usr/bin/time -o "$work/time" -f '%e %U %S %M' "$@" 2>/dev/null | wc -lc >"$work/count"
  echo "$name $(tail -n 1 "$work/time") $(tr -s ' ' <"$work/count")" >>"$work/all"
}

for _ in $(seq "$runs"); do
  once kcat-raw "${kcat[@]}"
  once inv-raw "${inv[@]}" -o raw
  once inv-pretty-color "${inv[@]}" --color always
  once inv-filter "${inv[@]}" --filter '.order_total > 500'
  once inv-json "${inv[@]}" -o json
  once kcat-J "${kcat[@]}" -J
  once inv-json-color "${inv[@]}" -o json --color always
  if [ -n "${JQ:-}" ]; then
    once kcat-jq bash -c '"$@" | jq -cC .' _ "${kcat[@]}"
  fi
done

# Medians; the ratio is to kcat raw, that of the JSON to kcat -J.
python3 - "$work/all" <<'P'
import collections, statistics, sys
runs = collections.OrderedDict()
for line in open(sys.argv[1]):
    name, *numbers = line.split()
    runs.setdefault(name, []).append([float(n) for n in numbers])
median = {n: [statistics.median(c) for c in zip(*r)] for n, r in runs.items()}
print(f"{'':18}{'wall s':>8}{'user':>7}{'sys':>7}{'RSS MB':>8}{'lines':>9}{'bytes':>11}   ratio")
for name, (wall, user, system, rss, lines, size) in median.items():
    base = "kcat-J" if name == "inv-json" else "kcat-raw"
    same = "" if len({(r[4], r[5]) for r in runs[name]}) == 1 else "   lines or bytes differ between runs!"
    print(f"{name:18}{wall:8.2f}{user:7.2f}{system:7.2f}{rss/1024:8.1f}{lines:9.0f}{size:11.0f}   {wall/median[base][0]:.2f} × {base}{same}")
P
