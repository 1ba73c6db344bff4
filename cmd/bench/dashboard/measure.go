package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"inv/cmd/bench/measure"
	"inv/inspect/dashboard/simulate"
	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kgo"
)

// setting is a benchmark with its options.
type setting struct {
	brokers  string
	products int
	history  int
	rate     int
	clients  int
	apart    bool
	during   time.Duration
	browser  bool
	bounds   bounds

	traceFile string
}

func measureAll(ctx context.Context, args []string) error {
	var s setting
	flags := flag.NewFlagSet("measure", flag.ExitOnError)
	flags.StringVar(&s.brokers, "brokers", "", "HOST:PORT of an empty cluster; without it an embedded broker")
	flags.IntVar(&s.products, "products", 10_000, "products in the catalogue")
	flags.IntVar(&s.history, "history", 1_000_000, "updates to write first")
	flags.IntVar(&s.rate, "rate", 5000, "updates per second")
	flags.IntVar(&s.clients, "clients", 50, "event streams")
	flags.BoolVar(&s.apart, "apart", false, "each client has another page of products")
	flags.DurationVar(&s.during, "for", 30*time.Second, "duration of each measurement")
	flags.BoolVar(&s.browser, "browser", false, "measure a page in chromium instead of the clients")
	flags.StringVar(&s.traceFile, "trace", "", "with -browser, a file for the trace, for chrome://tracing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "bench-dashboard")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	inv := filepath.Join(folder, "inv")
	if err := measure.Build(ctx, folder, "./cmd/inv"); err != nil {
		return err
	}
	if s.brokers == "" {
		at, end, err := measure.Broker(ctx, inv)
		if err != nil {
			return err
		}
		defer end()
		s.brokers = at
	}
	if err := s.measure(ctx, inv); err != nil {
		return err
	}
	return s.bounds.verdict()
}

func (s *setting) measure(ctx context.Context, inv string) error {
	config := kafka.Config{Brokers: []string{s.brokers}}
	filler, err := kafka.Connect(ctx, config)
	if err != nil {
		return err
	}
	store := simulate.New(topics, 1, s.products)
	err = fill(ctx, filler, store, s.history, time.Hour)
	filler.Close()
	if err != nil {
		return err
	}
	fmt.Printf("%d products, %d updates in the topics, %d updates/s, %d clients\n", s.products, s.history, s.rate, s.clients)
	began := time.Now()
	board, err := measure.Begin(ctx, inv, "dashboard", "-b", s.brokers, "--listen", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer board.End()
	url := strings.TrimSpace(board.Said[strings.Index(board.Said, "http://"):])
	if err := s.loading(ctx, url, began); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	writer, err := kafka.Connect(ctx, config, kgo.TransactionalID("bench-dashboard"), kgo.ProducerLinger(0))
	if err != nil {
		return err
	}
	defer writer.Close()
	probe := newProbe(store.Products()[0].ID)
	wrote := make(chan error, 1)
	start := time.Now()
	go func() { wrote <- run(ctx, writer, store, s.rate, probe) }()
	if s.browser {
		err = s.inBrowser(ctx, url, probe)
	} else {
		err = s.streams(ctx, url, board, probe)
	}
	rate := float64(probe.written.Load()) / time.Since(start).Seconds()
	cancel()
	if failed := <-wrote; err == nil {
		err = failed
	}
	s.bounds.least("updates written", rate, "/s", 0.99*float64(s.rate))
	s.bounds.most("highest RSS of the dashboard", float64(measure.PeakMemory(board.PID))/1e6, "MB", 100)
	return err
}

// loading measures the time until the numbers are right, and until all is loaded.
func (s *setting) loading(ctx context.Context, url string, began time.Time) error {
	numbers := time.Duration(0)
	for {
		var a struct {
			Status struct{ Loading string }
			Counts struct{ Products, Unknown int }
		}
		if err := get(ctx, url+"api/summary", &a); err != nil {
			return err
		}
		if numbers == 0 && a.Counts.Products == s.products && a.Counts.Unknown == 0 {
			numbers = time.Since(began)
			s.bounds.most("start to right numbers", numbers.Seconds(), "s", 2)
		}
		if numbers > 0 && a.Status.Loading == "" {
			fmt.Printf("%-36s %8.2f s\n", "start to all of the last hour", time.Since(began).Seconds())
			return nil
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

func get(ctx context.Context, url string, into any) error {
	resp, err := open(ctx, url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(into)
}

func open(ctx context.Context, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return nil, err
	}
	return http.DefaultClient.Do(req)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// streams measures clients that read event streams.
func (s *setting) streams(ctx context.Context, url string, board *measure.Process, probe *probe) error {
	var wg sync.WaitGroup
	var bytes, events atomic.Int64
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for i := range s.clients {
		query := "?limit=50&product=" + probe.product
		if s.apart {
			query += "&offset=" + strconv.Itoa(i*50)
		}
		wg.Go(func() { watch(ctx, url+"api/events"+query, probe, i < 5, &bytes, &events) })
	}
	if err := sleep(ctx, 2*time.Second); err != nil { // the snapshots
		return err
	}
	probe.reset()
	bytes.Store(0)
	events.Store(0)
	from, began := measure.CPU(board.PID), time.Now()
	if err := sleep(ctx, s.during); err != nil {
		return err
	}
	took := time.Since(began)
	used := measure.CPU(board.PID) - from
	cancel()
	wg.Wait()
	s.bounds.most("CPU of the dashboard", used.Seconds()/took.Seconds(), "cores", 1)
	fmt.Printf("%-36s %8.2f /s, %.0f kB/s\n", "a client's events", float64(events.Load())/float64(s.clients)/took.Seconds(), float64(bytes.Load())/float64(s.clients)/took.Seconds()/1000)
	return probe.judge("committed to client", &s.bounds)
}

// watch reads a stream as a page does and, if tell is set, tells the probe what it sees.
func watch(ctx context.Context, url string, probe *probe, tell bool, bytes, events *atomic.Int64) {
	resp, err := open(ctx, url)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer resp.Body.Close()
	r := bufio.NewReaderSize(resp.Body, 64<<10)
	for {
		line, err := r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
		bytes.Add(int64(len(line)))
		if strings.HasPrefix(string(line[:min(6, len(line))]), "event:") {
			events.Add(1)
		}
		if !tell || !strings.HasPrefix(string(line[:min(6, len(line))]), "data: ") {
			continue
		}
		whole := slices.Clone(line)
		for err == bufio.ErrBufferFull {
			line, err = r.ReadSlice('\n')
			bytes.Add(int64(len(line)))
			whole = append(whole, line...)
		}
		var f struct{ Product struct{ Seq int64 } }
		if json.Unmarshal(whole[len("data: "):], &f) == nil && f.Product.Seq > 0 {
			probe.seen(f.Product.Seq, time.Now())
		}
	}
}

// probe measures how long updates of one product take.
type probe struct {
	product string
	written atomic.Int64 // updates of all products

	mu        sync.Mutex
	committed map[int64]time.Time
	took      []time.Duration
}

func newProbe(product string) *probe {
	return &probe{product: product, committed: map[int64]time.Time{}}
}

func (p *probe) commit(seq int64, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.committed[seq] = at
}

func (p *probe) seen(seq int64, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if from, ok := p.committed[seq]; ok {
		p.took = append(p.took, max(at.Sub(from), 0))
	} else {
		p.took = append(p.took, 0) // seen before the writer knew that it was committed
	}
}

func (p *probe) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.took = nil
}

// judge checks the times since the last reset.
func (p *probe) judge(what string, b *bounds) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.Sort(p.took)
	if len(p.took) == 0 {
		return errors.New("the probe saw nothing")
	}
	at := func(q float64) float64 { return float64(p.took[int(q*float64(len(p.took)-1))].Microseconds()) / 1000 }
	fmt.Printf("%-36s %8.2f ms p50, %.0f ms at most, of %d\n", what, at(0.5), at(1), len(p.took))
	b.most(what+", p99", at(0.99), "ms", 200)
	return nil
}
