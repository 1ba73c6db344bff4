// Package measure is shared by the benchmarks: it builds and runs programs, and
// measures processes by /proc, so it is for Linux.
package measure

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"inv/scenarios"
)

// Main runs a benchmark until it ends or is interrupted, and returns its exit code.
func Main(name string, run func(context.Context) error) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	return 0
}

// Inventory writes the inventory scenario to a file, with a text in it replaced.
func Inventory(file, old, replacement string) error {
	text, err := scenarios.Files.ReadFile("inventory.yaml")
	if err != nil {
		return err
	}
	return os.WriteFile(file, bytes.ReplaceAll(text, []byte(old), []byte(replacement)), 0o600)
}

// Run runs a command. Its output is part of the error if it fails.
func Run(ctx context.Context, name string, args ...string) error {
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return nil
}

// Usage is the resources that a process used.
type Usage struct {
	Seconds, CPU float64 // CPU: user and system
	RSS          float64 // peak, in bytes; 0 if unknown
}

// Timed runs a command, and returns its usage and its output.
func Timed(ctx context.Context, name string, args ...string) (u Usage, out []byte, err error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var buffer bytes.Buffer
	cmd.Stdout, cmd.Stderr = &buffer, &buffer
	start, ended := time.Now(), make(chan error, 1)
	if err := cmd.Start(); err != nil {
		return u, nil, err
	}
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			u.Seconds = time.Since(start).Seconds()
			u.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
			if err != nil {
				err = fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, buffer.Bytes())
			}
			return u, buffer.Bytes(), err
		case <-time.After(10 * time.Millisecond):
			u.RSS = max(u.RSS, float64(PeakMemory(cmd.Process.Pid)))
		}
	}
}

// Build builds programs of this repository, such as ./cmd/inv, into a folder.
func Build(ctx context.Context, folder string, programs ...string) error {
	for _, program := range programs {
		if err := Run(ctx, "go", "build", "-o", filepath.Join(folder, filepath.Base(program)), program); err != nil {
			return err
		}
	}
	return nil
}

// Process is a child process that writes a line to stderr when it is ready.
type Process struct {
	PID  int
	Said string // that line

	cmd *exec.Cmd
}

// Begin starts a program and waits for its line; the lines after it go to stderr.
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

// End interrupts the process and waits for it.
func (p *Process) End() {
	_ = p.cmd.Process.Signal(os.Interrupt) // it may have ended already
	_ = p.cmd.Wait()
}

// Broker starts an embedded broker of inv and returns its address.
func Broker(ctx context.Context, inv string) (address string, end func(), err error) {
	p, err := Begin(ctx, inv, "broker", "--listen", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	_, rest, _ := strings.Cut(p.Said, "Listening on ")
	address, _, found := strings.Cut(rest, ",")
	if !found {
		p.End()
		return "", nil, fmt.Errorf("no address in %q of inv broker", p.Said)
	}
	return address, p.End, nil
}

// PeakMemory returns the peak resident size of a process, in bytes; 0 if it has ended.
// The resource usage of an ended child would include the size of its parent.
func PeakMemory(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, ok := strings.Cut(string(text), "VmHWM:")
	if !ok {
		return 0 // a zombie
	}
	kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	return kib << 10
}

// TicksPerSecond is the unit of processor times in /proc.
const TicksPerSecond = 100

// CPU returns the processor time that a process has used, user and system; 0 if it has
// ended.
func CPU(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name before the parenthesis may contain anything.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * time.Second / TicksPerSecond
}

// Median returns the median of at least one number.
func Median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// MedianOf returns the median of a value of at least one thing.
func MedianOf[T any](of []T, value func(T) float64) float64 {
	var numbers []float64
	for _, x := range of {
		numbers = append(numbers, value(x))
	}
	return Median(numbers)
}
