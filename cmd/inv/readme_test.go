package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"inv/internal/kafkatest"
)

// block is a shell block of a page, with the reason before it if it is not run.
type block struct {
	code    string
	skipped bool
	reason  string
}

var notRun = regexp.MustCompile(`^<!-- not run:?(.*)-->$`)

func blocksOf(page string) (blocks []block) {
	for {
		before, rest, ok := strings.Cut(page, "```sh\n")
		if !ok {
			return blocks
		}
		code, after, _ := strings.Cut(rest, "```")
		b := block{code: code}
		lines := strings.Split(strings.TrimRight(before, "\n"), "\n")
		if m := notRun.FindStringSubmatch(lines[len(lines)-1]); m != nil {
			b.skipped, b.reason = true, strings.TrimSpace(m[1])
		}
		blocks, page = append(blocks, b), after
	}
}

// endless reports whether a command line runs until it is stopped.
func endless(line string) bool {
	line, _, _ = strings.Cut(line, "#")
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(line, w) {
				return true
			}
		}
		return false
	}
	switch {
	case strings.HasPrefix(line, "inv process"):
		return !has("--drain")
	case strings.HasPrefix(line, "inv tail"):
		return !has("--until", "--expect", " -c ", "--limit", "..")
	case strings.HasPrefix(line, "inv produce"):
		return !has("--count", "--for") && has("orders")
	}
	return strings.HasPrefix(line, "inv broker") && !has("inv brokers") || strings.HasPrefix(line, "inv dashboard")
}

// README's blocks work as printed, in order: each line runs in a shell, with another
// broker, and endless commands are stopped. The test binary is on the path as inv,
// see TestMain.
func TestREADMECanBePasted(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	env := append(os.Environ(), "INV_BROKERS="+strings.Join(kafkatest.Embedded(t), ","), "INV_LISTEN=127.0.0.1:0", "INV_YES=true",
		"INV_LEAD_TIME=100ms") // so that a drain need not wait for receipts
	ran := 0
	for _, b := range blocksOf(string(text)) {
		if b.skipped {
			if b.reason == "" {
				t.Errorf("no reason why this is not run:\n%s", b.code)
			}
			continue
		}
		for _, line := range strings.Split(strings.ReplaceAll(b.code, "\\\n", " "), "\n") {
			if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			typeLine(t, dir, env, line)
			ran++
		}
	}
	if ran < 25 {
		t.Errorf("only %d lines were run; is the search still right?", ran)
	}
}

// readmeRuns is how long an endless command runs.
const readmeRuns = time.Second

func typeLine(t *testing.T, dir string, env []string, line string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := exec.LookPath("jq"); err != nil {
		line, _, _ = strings.Cut(line, "| jq") // a machine with only Go has none
	}
	runsOn := endless(line)
	if runsOn {
		line = "exec " + line // so that the signal reaches inv
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.WaitDelay = time.Second // of a pipe that a child holds
	var out bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if runsOn {
		stop := time.AfterFunc(readmeRuns, func() { _ = cmd.Process.Signal(syscall.SIGINT) })
		defer stop.Stop()
	}
	began := time.Now()
	err := cmd.Wait()
	t.Logf("%5.1f s: %s", time.Since(began).Seconds(), line)
	if err != nil {
		t.Errorf("%s\n%v\n%s", line, err, out.String())
	}
}
