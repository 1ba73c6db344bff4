package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/processor"
)

// program runs inv as a process of its own: this test binary under its name.
func program(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	inv := filepath.Join(t.TempDir(), "inv")
	if err := os.Symlink(self, inv); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), inv, args...)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

// startUntil starts the program and waits until its stderr contains text.
func startUntil(t *testing.T, cmd *exec.Cmd, text string) (rest func() string) {
	t.Helper()
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(pipe)
	var seen strings.Builder
	for !strings.Contains(seen.String(), text) {
		line, err := lines.ReadString('\n')
		seen.WriteString(line)
		if err != nil {
			t.Fatalf("the program ended without %q: %s", text, seen.String())
		}
	}
	return func() string {
		more, err := io.ReadAll(lines)
		if err != nil {
			t.Error(err)
		}
		return seen.String() + string(more)
	}
}

func exitOf(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	t.Fatal(err)
	return -1
}

func TestLongRunningCommandStopsCleanly(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		cmd := program(t, nil, "broker", "--listen", "127.0.0.1:0")
		rest := startUntil(t, cmd, "Listening on")
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if said := rest(); strings.Contains(said, "inv:") {
			t.Errorf("%v: %s", signal, said)
		}
		if code := exitOf(t, cmd.Wait()); code != exitDone {
			t.Errorf("%v: exit code %d, want 0", signal, code)
		}
	}
}

// An interrupted demo completes its orders and prints its summary.
func TestInterruptedCommandPrintsSummary(t *testing.T) {
	for signal, want := range map[os.Signal]int{os.Interrupt: exitInterrupt, syscall.SIGTERM: exitTerminated} {
		cmd := program(t, nil, "demo", "--rate", "20/s", "--lead-time", "300ms", "--for", "1h")
		out := &strings.Builder{}
		cmd.Stdout = out
		rest := startUntil(t, cmd, "Watch from")
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		rest()
		if code := exitOf(t, cmd.Wait()); code != want {
			t.Errorf("%v: exit code %d, want %d", signal, code, want)
		}
		if !strings.Contains(out.String(), "dead letters") {
			t.Errorf("%v: no summary in %s", signal, out)
		}
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	cmd := program(t, nil, "demo", "--lead-time", "1h", "--for", "1h")
	rest := startUntil(t, cmd, "Watch from")
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
	}
	rest()
	var exit *exec.ExitError
	if !errors.As(cmd.Wait(), &exit) || !exit.Sys().(syscall.WaitStatus).Signaled() {
		t.Errorf("%v; want the process to be ended by a signal", exit)
	}
}

// A command whose reader is gone ends silently, as in `| head`.
func TestBrokenPipeIsQuiet(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	cmd := program(t, []string{"INV_BROKERS=" + brokers[0]}, "topics", "list")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read.Close()
	cmd.Stdout = write
	said := &strings.Builder{}
	cmd.Stderr = said
	code := exitOf(t, cmd.Run())
	write.Close()
	if code != exitDone || said.Len() > 0 {
		t.Errorf("exit code %d and %q on stderr; want 0 and nothing", code, said)
	}
}

// A processor that is stopped while it starts has processed nothing, and says so.
func TestProcessStoppedBeforeItBegan(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, err bytes.Buffer
	s := &streams{in: strings.NewReader(""), out: &out, err: &err, getenv: func(string) string { return "" }, now: time.Now,
		width: func() int { return 0 }}
	cfg := processor.Config{Kafka: kafka.Config{Brokers: kafkatest.Embedded(t)}, Scenario: shipped(t, "inventory"), AppID: "app", Instance: "i",
		Topologies: topologiesOf(shipped(t, "inventory")), Stats: &processor.Stats{}}
	if failed := (&processFlags{logFormat: newChoice("text", "json")}).run(ctx, s, cfg); failed != nil {
		t.Errorf("%v: %s", failed, err.String())
	}
}
