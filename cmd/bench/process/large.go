package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"time"

	"inv/cmd/bench/measure"
)

const million = 1_000_000

// restarts is how often a side is restarted on its state.
const restarts = 3

// large measures a million products: memory while a backlog is drained, and how long a
// restart takes to restore the state.
func large(ctx context.Context, l *lab) error {
	// About three million changelog records: one for each product, each line and almost
	// each restock.
	if err := l.backlog(ctx, shape{partitions: l.partitions, products: million}, 6*million/10); err != nil {
		return err
	}
	fmt.Printf("\n### A million products: %d orders, %d partitions\n\n", l.loaded, l.partitions)
	head("", "orders/s, catalogue included", "CPU s", "peak RSS", "changelog records", "restart, ready after s", "RSS then")
	restored := map[string]float64{}
	for _, s := range l.wanted(invSide(), streamsSide("")) {
		if s.peer && (l.short || l.peerRounds == 0) {
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
		restored[s.name] = ready
		fmt.Printf("| %s | %.0f | %.1f | %s | %d | %.2f | %s |\n", s.title, float64(l.loaded)/d.Seconds, d.CPU, mb(d.RSS), d.topics["changelog"].records, ready, mb(rss))
	}
	if restored["streams"] > 0 && restored["inv"] > 0 {
		fmt.Printf("\n- inv is ready in 1/%.1f of Streams' time (wanted: ≤ 1/5)\n", restored["streams"]/restored["inv"])
	} else {
		fmt.Println("\nStreams did not run: it takes some ten minutes, and is left out with -short.")
	}
	return nil
}

// restart restarts a side on its state, and returns the median time until it is
// restored, and the largest memory then.
func (l *lab) restart(ctx context.Context, s side) (seconds, rss float64, err error) {
	var all []float64
	for range restarts {
		one, memory, err := l.restartOnce(ctx, s)
		if err != nil {
			return 0, 0, err
		}
		l.progress("%s: ready again after %.2f s, %s", s.title, one, mb(memory))
		all, rss = append(all, one), max(rss, memory)
	}
	return measure.Median(all), rss, nil
}

func (l *lab) restartOnce(ctx context.Context, s side) (seconds, rss float64, err error) {
	ready, again := streamsReady, s
	if s.name == "inv" {
		port, _, err := freePorts()
		if err != nil {
			return 0, 0, err
		}
		address := fmt.Sprintf("127.0.0.1:%d", port)
		again = invSide("--metrics", address)
		ready = func(*child) bool { return invReady(address) }
	}
	c, err := again.start(l, l.lastApp)
	if err != nil {
		return 0, 0, err
	}
	if err := c.await(ctx, 10*time.Millisecond, drainPatience, func() (bool, error) { return ready(c), nil }); err != nil {
		return 0, 0, err
	}
	seconds = time.Since(c.begun).Seconds()
	return seconds, float64(measure.PeakMemory(c.cmd.Process.Pid)), c.stop()
}

// invReady reports whether every partition of inv has its state.
func invReady(address string) bool {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + address + "/readyz")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// runningLine is what Streams prints when its state is restored.
var runningLine = regexp.MustCompile(`(?m)(^| )RUNNING\s*$`)

func streamsReady(c *child) bool {
	text, _ := os.ReadFile(c.log)
	return runningLine.Match(text)
}
