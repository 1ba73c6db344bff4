package processor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/registry"
	"inv/internal/scenario"
	"inv/processor"
	"inv/processor/inventory"
	"inv/scenarios"
)

// childVariable makes this test binary a processor of its own, which tests kill.
const childVariable = "INV_TEST_PROCESS"

// childConfig is what a child runs.
type childConfig struct {
	Brokers      []string
	Prefix       string
	Topologies   []string
	Scenario     string // its text, "" for the shipped inventory
	Policy       string
	Guarantee    string
	Instance     string
	Stable       bool
	Drain        bool
	LeadTime     time.Duration
	DedupeWindow int64
	Encodings    encodings

	// Signal is what the child sends to the process PID, or to itself if that is
	// 0, when its stage is at the point for the nth time.
	Signal       syscall.Signal
	PID          int
	Stage, Point string
	Nth          int64

	// Replay, if not empty, is the dead-letter topic that the child puts back
	// instead, of which Filter chooses, until it kills itself after Nth records.
	Replay, Filter string
}

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		os.Exit(runChild(text))
	}
	os.Exit(m.Run())
}

func runChild(text string) int {
	var c childConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if c.Replay != "" {
		return replayChild(c)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	source, err := scenarios.Files.ReadFile("inventory.yaml")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if c.Scenario != "" {
		source = []byte(c.Scenario)
	}
	sc, err := scenario.Parse("test.yaml", source)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	prefixTopics(sc, c.Prefix)
	var schemas *registry.Topics
	if c.Encodings.Form != "" {
		if schemas, err = c.Encodings.open(ctx, sc, c.Prefix); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
	}
	var times atomic.Int64
	summary, err := config{Topologies: c.Topologies, Options: inventory.Options{Policy: c.Policy, LeadTime: c.LeadTime, DedupeWindow: c.DedupeWindow}, Config: processor.Config{
		Kafka: kafka.Config{Brokers: c.Brokers}, Scenario: sc, AppID: c.Prefix, Guarantee: c.Guarantee,
		Instance: c.Instance, StableInstance: c.Stable, Drain: c.Drain, Schemas: schemas,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		At: func(name, point string) {
			if c.Signal != 0 && name == c.Stage && point == c.Point && times.Add(1) == c.Nth {
				if c.PID != 0 {
					_ = syscall.Kill(c.PID, c.Signal)
					return
				}
				_ = syscall.Kill(os.Getpid(), c.Signal)
				select {} // SIGKILL comes at once, and nothing goes on here before
			}
		},
	}}.run(ctx)
	fmt.Fprintf(os.Stderr, "%+v\n", summary)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// child is a processor in a process of its own.
type child struct {
	t      testing.TB
	cmd    *exec.Cmd
	exited chan struct{}
	err    error

	mu     sync.Mutex
	stderr bytes.Buffer
}

func (c *child) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if testing.Verbose() {
		fmt.Fprintf(os.Stderr, "[%d] %s", c.cmd.Process.Pid, b)
	}
	return c.stderr.Write(b)
}

func (c *child) output() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stderr.String()
}

// start runs a child until it ends or the test does.
func (s *system) start(change ...func(*childConfig)) *child {
	s.t.Helper()
	cfg := childConfig{Brokers: s.brokers, Prefix: s.prefix, LeadTime: 50 * time.Millisecond, Instance: "child",
		Topologies: s.names, Scenario: s.declared, Encodings: s.encodings}
	for _, c := range change {
		c(&cfg)
	}
	text, err := json.Marshal(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	c := &child{t: s.t, cmd: exec.Command(os.Args[0]), exited: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	c.cmd.Stderr = c
	if err := c.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { c.err = c.cmd.Wait(); close(c.exited) }()
	s.t.Cleanup(func() { c.end() })
	return c
}

// end ends a child that still runs. If the test has failed, what the child waits
// for is a part of the log.
func (c *child) end() {
	select {
	case <-c.exited:
		return
	default:
	}
	if c.t.Failed() {
		c.signal(syscall.SIGQUIT) // its runtime prints all goroutines
		select {
		case <-c.exited:
		case <-time.After(5 * time.Second):
		}
		c.t.Logf("the child:\n%s", c.output())
	}
	c.signal(syscall.SIGKILL)
	<-c.exited
}

func (c *child) signal(sig syscall.Signal) { _ = c.cmd.Process.Signal(sig) }

// wait returns the exit code, -1 after a signal.
func (c *child) wait(within time.Duration) int {
	c.t.Helper()
	select {
	case <-c.exited:
		return c.cmd.ProcessState.ExitCode()
	case <-time.After(within):
		c.t.Fatalf("child still runs after %s:\n%s", within, c.output())
		return 0
	}
}

// done waits for a child that drains.
func (c *child) done(within time.Duration) {
	c.t.Helper()
	if code := c.wait(within); code != 0 {
		c.t.Fatalf("exit code %d:\n%s", code, c.output())
	}
}
