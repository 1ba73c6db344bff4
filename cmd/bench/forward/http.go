package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"inv/cmd/bench/measure"
)

// requests compares `inv forward` with wrk, which sends one of inv's requests again and
// again over as many connections as there are lanes. The rate of wrk is the ceiling: the
// receiver shares the machine with either.
func requests(ctx context.Context, b *bench) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	receiver, err := measure.Begin(ctx, self, "receive")
	if err != nil {
		return err
	}
	defer receiver.End()
	at := strings.TrimSpace(receiver.Said)
	scenario := filepath.Join(b.folder, "bench.yaml")
	if err := os.WriteFile(scenario, fmt.Appendf(nil, sinks, topic, b.lanes, at), 0o600); err != nil {
		return err
	}
	var rates, memory, own, peer, served []float64
	for round := range b.rounds {
		u, like, err := b.forward(ctx, scenario, round, at)
		if err != nil {
			return err
		}
		before := measure.CPU(receiver.PID)
		w, ceiling, err := b.wrk(ctx, at, like)
		if err != nil {
			return err
		}
		sent := ceiling * wrkSeconds
		rate := float64(b.updates) / u.Seconds
		fmt.Printf("round %d: inv %.0f/s, %.1f s, %.1f CPU s, %.0f MB; wrk %.0f/s, %.1f CPU s\n",
			round+1, rate, u.Seconds, u.CPU, u.RSS/1e6, ceiling, w.CPU)
		rates, memory = append(rates, rate/ceiling), append(memory, u.RSS/1e6)
		own, peer = append(own, u.CPU/float64(b.updates)*1e6), append(peer, w.CPU/sent*1e6)
		served = append(served, (measure.CPU(receiver.PID)-before).Seconds()/sent*1e6)
	}
	fmt.Printf("\ninv sends %.2f × the requests of wrk (wanted 0.5), with %.0f MB (wanted 150).\n", measure.Median(rates), measure.Median(memory))
	fmt.Printf("Processor time of a request, in µs: inv %.1f, wrk %.1f, the receiver %.1f.\n", measure.Median(own), measure.Median(peer), measure.Median(served))
	return nil
}

// sinks is the scenario: an idempotency key, and a body of some fields.
const sinks = `scenario: bench
topics:
  updates: {topic: %s, partitions: 6}
sinks:
  bench:
    from: updates
    lanes: %d
    http:
      post: %q
      idempotency_key: {jq: '.product_id + "-" + (.seq | tostring)'}
      body: {sku: "{product_id}", name: "{product_name}", stock: "{current_stock}", price: "{unit_price}", warehouse: "{warehouse_id}", at: "{timestamp}"}
`

// forward drains the topic once with a group of its own. Each update must arrive, once. It
// returns one of the requests.
func (b *bench) forward(ctx context.Context, scenario string, round int, at string) (u measure.Usage, like sample, err error) {
	if _, _, err := ask(ctx, at); err != nil { // the count begins at 0
		return u, like, err
	}
	app := fmt.Sprintf("bench-%d-%d", os.Getpid(), round)
	u, out, err := measure.Timed(ctx, b.inv, "forward", "--drain", "--brokers", b.brokers, "--scenario", scenario, "--app-id", app)
	if err != nil {
		return u, like, err
	}
	like, n, err := ask(ctx, at)
	if err == nil && n != b.updates {
		err = fmt.Errorf("%d requests for %d updates\n%s", n, b.updates, out)
	}
	return u, like, err
}

var perSecond = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)

const wrkSeconds = 10

// wrk sends a request again and again for some seconds, and returns how many in a second.
func (b *bench) wrk(ctx context.Context, at string, like sample) (u measure.Usage, rate float64, err error) {
	var script strings.Builder
	fmt.Fprintf(&script, "wrk.method = %q\nwrk.body = %q\n", like.Method, like.Body)
	for name := range like.Header {
		if name != "Content-Length" {
			fmt.Fprintf(&script, "wrk.headers[%q] = %q\n", name, like.Header.Get(name))
		}
	}
	file := filepath.Join(b.folder, "like.lua")
	if err := os.WriteFile(file, []byte(script.String()), 0o600); err != nil {
		return u, 0, err
	}
	u, out, err := measure.Timed(ctx, "wrk", "-t2", "-c"+strconv.Itoa(b.lanes), fmt.Sprintf("-d%ds", wrkSeconds), "-s", file, at)
	if err != nil {
		return u, 0, err
	}
	m := perSecond.FindSubmatch(out)
	if m == nil || strings.Contains(string(out), "Non-2xx") {
		return u, 0, fmt.Errorf("wrk printed\n%s", out)
	}
	rate, err = strconv.ParseFloat(string(m[1]), 64)
	return u, rate, err
}

// ask returns a request that the receiver got, and how many it got since it was asked.
func ask(ctx context.Context, at string) (s sample, n int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return s, 0, err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return s, 0, err
	}
	defer func() { _ = response.Body.Close() }()
	if n, err = strconv.Atoi(response.Header.Get(requestsHeader)); err != nil {
		return s, 0, err
	}
	if err := json.NewDecoder(response.Body).Decode(&s); err != nil {
		return s, 0, err
	}
	return s, n, nil
}
