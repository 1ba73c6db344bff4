package sinks_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/scenario"
	"inv/processor/forward"
	"inv/processor/forward/sinks"

	"github.com/twmb/franz-go/pkg/kgo"
)

// childVariable makes this test binary a process that forwards, which tests kill.
const childVariable = "INV_TEST_FORWARD"

// childConfig is what a child runs.
type childConfig struct {
	Brokers  []string
	App      string
	Scenario string // its text
	Sink     string
	Drain    bool
	// Signal is what the child sends to itself when it is at the point for the nth time.
	Signal syscall.Signal
	Point  string
	Nth    int64
}

// session is how long a group waits for a member that is silent: Apache Kafka allows no
// less.
const session = 6 * time.Second

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		os.Exit(runChild(text))
	}
	os.Exit(m.Run())
}

func runChild(text string) int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var c childConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return fail(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	sc, err := scenario.Parse("test.yaml", []byte(c.Scenario))
	if err != nil {
		return fail(err)
	}
	var times atomic.Int64
	list, err := sinks.New(sc, []*scenario.Sink{sc.Sink(c.Sink)}, sinks.Options{
		App: c.App, Lookup: os.LookupEnv,
		At: func(point string) {
			if c.Signal == 0 || point != c.Point || times.Add(1) != c.Nth {
				return
			}
			_ = syscall.Kill(os.Getpid(), c.Signal)
			if c.Signal == syscall.SIGKILL {
				select {} // it comes at once, and nothing goes on here before
			}
		},
	})
	if err != nil {
		return fail(err)
	}
	s := list[0]
	defer s.Close()
	s.Config.Kafka = kafka.Config{Brokers: c.Brokers, Options: []kgo.Opt{kgo.SessionTimeout(session), kgo.HeartbeatInterval(500 * time.Millisecond)}}
	s.Config.Drain = c.Drain
	s.Config.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	summary, err := forward.Run(ctx, s.Config, s.Sink)
	fmt.Fprintf(os.Stderr, "%+v\n", summary)
	if err != nil {
		return fail(err)
	}
	return 0
}

// child is a process that forwards.
type child struct {
	t    *testing.T
	cmd  *exec.Cmd
	done chan struct{}

	mu  sync.Mutex
	log bytes.Buffer
}

func (c *child) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.Write(p)
}

func (c *child) output() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.String()
}

// startChild starts a child with variables for its sink.
func startChild(t *testing.T, cfg childConfig, variables ...string) *child {
	t.Helper()
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, cmd: exec.Command(os.Args[0]), done: make(chan struct{})}
	c.cmd.Env = append(append(os.Environ(), variables...), childVariable+"="+string(text))
	c.cmd.Stderr = c
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = c.cmd.Wait(); close(c.done) }()
	t.Cleanup(func() { _ = c.cmd.Process.Kill(); <-c.done })
	return c
}

func (c *child) signal(s syscall.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatalf("sending %s: %v", s, err)
	}
}

// wait returns the exit code: -1 after a signal.
func (c *child) wait(within time.Duration) int {
	c.t.Helper()
	select {
	case <-c.done:
		return c.cmd.ProcessState.ExitCode()
	case <-time.After(within):
		c.signal(syscall.SIGQUIT)
		<-c.done
		c.t.Fatalf("still running after %s:\n%s", within, c.output())
		return 0
	}
}

// succeeds waits for the end of a child that drains, or was told to stop.
func (c *child) succeeds(within time.Duration) {
	c.t.Helper()
	if code := c.wait(within); code != 0 {
		c.t.Fatalf("exit code %d:\n%s", code, c.output())
	}
}

// killed waits for the end of a child that kills itself.
func (c *child) killed(within time.Duration) {
	c.t.Helper()
	if code := c.wait(within); code != -1 {
		c.t.Fatalf("exit code %d, want a signal:\n%s", code, c.output())
	}
}

// stopped reports whether the child is stopped by a signal.
func (c *child) stopped() (bool, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		return false, err
	}
	_, state, _ := strings.Cut(string(text), ") ")
	return strings.HasPrefix(state, "T"), nil
}
