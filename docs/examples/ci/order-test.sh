#!/bin/sh
# A test of a service that reads and writes topics: start a broker, start the
# service, send it known records, and expect what it must write within a time.
# Here the service is the processor; put your own in its place.
#
#   docs/examples/ci/order-test.sh          needs inv on the PATH
set -eu

work=$(mktemp -d)
pids=
trap 'kill $pids 2>/dev/null || true; wait; rm -rf "$work"' EXIT

# A broker on a free port, which it prints.
inv broker --listen 127.0.0.1:0 >"$work/broker" 2>&1 &
pids=$!
until INV_BROKERS=$(sed -n 's/.*\(127\.0\.0\.1:[0-9]*\).*/\1/p' "$work/broker" | head -n 1) && [ -n "$INV_BROKERS" ]; do
  kill -0 "$pids" || { cat "$work/broker" >&2; exit 1; }
  sleep 0.1
done
export INV_BROKERS

# The service under test.
inv produce catalog
inv process >"$work/service" 2>&1 &
pids="$pids $!"

# The same seed makes the same orders, so what follows from them is known.
inv produce orders --seed 7 --count 20 --rate max

# Twenty orders move stock at least twenty times. tail exits 1 if that many
# matching records don't come within the time, and at the first one that must not be.
inv tail updates --offset start --filter '.delta < 0' \
  --expect 20 --within 60s --fail-on '.current_stock < 0' -o json >"$work/updates" || {
  cat "$work/service" >&2
  exit 1
}
echo "ok: $(wc -l <"$work/updates") updates"
