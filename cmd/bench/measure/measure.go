// Package measure is what the benchmarks have in common: building the programs,
// running them, and asking what a process uses. It reads /proc, so it is for
// Linux.
package measure

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Run runs a command whose output matters only if it fails.
func Run(ctx context.Context, name string, args ...string) error {
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return nil
}

// Build builds programs of this repository, such as ./cmd/inv, into a folder,
// each by its own name.
func Build(ctx context.Context, folder string, programs ...string) error {
	for _, program := range programs {
		if err := Run(ctx, "go", "build", "-o", filepath.Join(folder, filepath.Base(program)), program); err != nil {
			return err
		}
	}
	return nil
}

// Process is a child that writes a line to stderr when it is ready.
type Process struct {
	PID  int
	Said string // that line

	cmd *exec.Cmd
}

// Begin starts a program and waits for its line; what comes after it goes to
// stderr.
func Begin(ctx context.Context, name string, args ...string) (*Process, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewReader(stderr)
	said, err := lines.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("%s %s: %s%w", name, args[0], said, err)
	}
	go func() { _, _ = io.Copy(os.Stderr, lines) }()
	return &Process{cmd.Process.Pid, said, cmd}, nil
}

// End stops it as Ctrl-C does, and waits.
func (p *Process) End() {
	_ = p.cmd.Process.Signal(os.Interrupt) // it may have ended by itself
	_ = p.cmd.Wait()
}

// Broker starts an embedded broker with inv, and says where it listens.
func Broker(ctx context.Context, inv string) (address string, end func(), err error) {
	p, err := Begin(ctx, inv, "broker", "--listen", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	_, rest, _ := strings.Cut(p.Said, "Listening on ")
	address, _, found := strings.Cut(rest, ",")
	if !found {
		p.End()
		return "", nil, fmt.Errorf("inv broker says %q, and not where it listens", p.Said)
	}
	return address, p.End, nil
}

// PeakMemory returns the largest resident size that a process has had, in bytes; 0 if
// it has ended. The usage that the kernel reports of an ended child is not that:
// it counts what its parent had, too.
func PeakMemory(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, ok := strings.Cut(string(text), "VmHWM:")
	if !ok {
		return 0 // it has ended, and waits to be looked after
	}
	kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	return kib << 10
}

// TicksPerSecond is what /proc counts processor time in.
const TicksPerSecond = 100

// CPU returns the processor time that a process has used, of user and system; 0 if it
// has ended.
func CPU(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name before it may hold anything.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * time.Second / TicksPerSecond
}

// Median is that of at least one number.
func Median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// MedianOf returns the median of something that at least one thing has.
func MedianOf[T any](of []T, value func(T) float64) float64 {
	var numbers []float64
	for _, x := range of {
		numbers = append(numbers, value(x))
	}
	return Median(numbers)
}
