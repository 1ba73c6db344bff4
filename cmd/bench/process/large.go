package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"inv/cmd/bench/measure"
)

const million = 1_000_000

// restarts is how often a side is started again on its state.
const restarts = 3

// large measures a million products: memory while a backlog is drained, and how
// long a restart takes to have its state again.
func large(ctx context.Context, l *lab) error {
	// A changelog record for each product, each line and almost each restock: about
	// three million.
	if err := l.backlog(ctx, shape{l.partitions, million}, 6*million/10); err != nil {
		return err
	}
	fmt.Printf("\n### A million products: %d orders, %d partitions\n\n", l.loaded, l.partitions)
	fmt.Println("| | orders/s, catalogue included | CPU s | peak RSS | changelog records | restart, ready after s | RSS then |")
	fmt.Println("|---|---|---|---|---|---|---|")
	seconds := map[string]float64{}
	for _, s := range []side{invSide(), streamsSide("")} {
		if !l.wants(s.name) || s.peer && (l.short || l.peerRounds == 0) {
			continue
		}
		d, err := l.drainOnce(ctx, s)
		if err != nil {
			return err
		}
		ready, rss, err := l.restart(ctx, s)
		if err != nil {
			return err
		}
		seconds[s.name] = ready
		fmt.Printf("| %s | %.0f | %.1f | %s | %d | %.2f | %s |\n", s.title, float64(l.loaded)/d.seconds, d.cpu, mib(d.rss), d.topics["changelog"].records, ready, mib(rss))
	}
	if seconds["streams"] > 0 && seconds["inv"] > 0 {
		fmt.Printf("\n- inv is ready in 1/%.1f of Streams' time (wanted: ≤ 1/5)\n", seconds["streams"]/seconds["inv"])
	} else {
		fmt.Println("\nStreams did not run: it takes some ten minutes here. Without -short it does.")
	}
	return nil
}

// restart starts a side again and again on what it left, and returns the median
// time until it has its state, and its memory then.
func (l *lab) restart(ctx context.Context, s side) (seconds float64, rss int64, err error) {
	var all []float64
	for range restarts {
		one, memory, err := l.restartOnce(ctx, s)
		if err != nil {
			return 0, 0, err
		}
		l.progress("%s: ready again after %.2f s, %s", s.title, one, mib(memory))
		all, rss = append(all, one), max(rss, memory)
	}
	return measure.Median(all), rss, nil
}

func (l *lab) restartOnce(ctx context.Context, s side) (seconds float64, rss int64, err error) {
	ready, again := streamsReady, s
	if s.name == "inv" {
		port, _, err := freePorts()
		if err != nil {
			return 0, 0, err
		}
		address := fmt.Sprintf("127.0.0.1:%d", port)
		again = invSide("--metrics", address)
		ready = func(*child) bool { return invReady(ctx, address) }
	}
	c, err := again.start(l, l.lastApp)
	if err != nil {
		return 0, 0, err
	}
	for !ready(c) {
		if err := c.running(); err != nil {
			return 0, 0, err
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return 0, 0, err
		}
		if time.Since(c.begun) > drainPatience {
			return 0, 0, fmt.Errorf("%s is not ready after %s\n%s", s.name, drainPatience, tail(c.log))
		}
	}
	seconds = time.Since(c.begun).Seconds()
	return seconds, measure.PeakMemory(c.cmd.Process.Pid), c.stop()
}

// invReady asks inv whether every partition has its state.
func invReady(ctx context.Context, address string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return false
	}
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{}).DialContext}}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// streamsReady looks for the state that Streams reaches when all is restored.
func streamsReady(c *child) bool {
	text, err := os.ReadFile(c.log)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "RUNNING" || strings.HasSuffix(line, " RUNNING") {
			return true
		}
	}
	return false
}
