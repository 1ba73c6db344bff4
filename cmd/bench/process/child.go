package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"inv/cmd/bench/measure"
)

// child is a process that is measured. Its output goes into a file.
type child struct {
	cmd   *exec.Cmd
	name  string
	log   string
	begun time.Time
	ended time.Time
	died  chan struct{}
	err   error
	rss   int64 // bytes; the largest so far
}

func (l *lab) start(name string, env []string, command string, args ...string) (*child, error) {
	l.runs++
	c := &child{cmd: exec.Command(command, args...), name: name, died: make(chan struct{}),
		log: filepath.Join(l.dir, fmt.Sprintf("%s-%d.log", name, l.runs))}
	out, err := os.Create(c.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	c.cmd.Stdout, c.cmd.Stderr = out, out
	c.cmd.Env = append(os.Environ(), env...)
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for this program, which then stops it
	c.begun = time.Now()
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	l.children = append(l.children, c)
	go func() {
		c.err = c.cmd.Wait()
		c.ended = time.Now()
		close(c.died)
	}()
	return c, nil
}

// running is an error if the process has ended. It also looks at its memory.
func (c *child) running() error {
	select {
	case <-c.died:
		return fmt.Errorf("%s ended: %v\n%s", c.name, c.err, tail(c.log))
	default:
	}
	c.rss = max(c.rss, measure.PeakMemory(c.cmd.Process.Pid))
	return nil
}

// stop ends the process as a user would, and after 20 s for certain.
func (c *child) stop() error {
	if err := c.running(); err != nil {
		return err
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.died:
	case <-time.After(20 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.died
	}
	return nil
}

// cpu returns the processor time of the process, which must have ended.
func (c *child) cpu() time.Duration {
	return c.cmd.ProcessState.UserTime() + c.cmd.ProcessState.SystemTime()
}

// cpuNow is that of a process that runs.
func (c *child) cpuNow() time.Duration {
	if c == nil {
		return 0
	}
	return measure.CPU(c.cmd.Process.Pid)
}
