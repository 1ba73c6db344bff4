package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"inv/cmd/bench/measure"
)

// child is a measured process. Its output goes into a file.
type child struct {
	cmd   *exec.Cmd
	name  string
	log   string
	begun time.Time
	died  chan struct{}
	err   error
	rss   int64 // bytes; the largest so far
}

func (l *lab) start(name, command string, args ...string) (*child, error) {
	l.runs++
	c := &child{cmd: exec.Command(command, args...), name: name, died: make(chan struct{}),
		log: filepath.Join(l.dir, fmt.Sprintf("%s-%d.log", name, l.runs))}
	out, err := os.Create(c.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	c.cmd.Stdout, c.cmd.Stderr = out, out
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that Ctrl-C only reaches this program
	c.begun = time.Now()
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	l.children = append(l.children, c)
	go func() {
		c.err = c.cmd.Wait()
		close(c.died)
	}()
	return c, nil
}

// running returns an error if the process has ended. It also samples its memory.
func (c *child) running() error {
	select {
	case <-c.died:
		return fmt.Errorf("%s ended: %v\n%s", c.name, c.err, tail(c.log))
	default:
	}
	c.rss = max(c.rss, measure.PeakMemory(c.cmd.Process.Pid))
	return nil
}

// await polls until the process is ready.
func (c *child) await(ctx context.Context, pause, patience time.Duration, ready func() (bool, error)) error {
	for time.Since(c.begun) < patience {
		if done, err := ready(); done || err != nil {
			return err
		}
		if err := c.running(); err != nil {
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s is not ready after %s\n%s", c.name, patience, tail(c.log))
}

// stop terminates the process, and kills it after 20 s.
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

// compute starts n processes that do nothing but compute; end stops them.
func (l *lab) compute(n int) (end func() error, err error) {
	var all []*child
	end = func() (err error) {
		for _, c := range all {
			err = errors.Join(err, c.stop())
		}
		return err
	}
	for range n {
		c, err := l.start("busy", "sh", "-c", "while :; do :; done")
		if err != nil {
			return nil, errors.Join(err, end())
		}
		all = append(all, c)
	}
	return end, nil
}

// usage returns the processor time and memory of the process, which must have ended.
func (c *child) usage() measure.Usage {
	cpu := c.cmd.ProcessState.UserTime() + c.cmd.ProcessState.SystemTime()
	return measure.Usage{CPU: cpu.Seconds(), RSS: float64(c.rss)}
}

// cpuNow returns the processor time of a running process, in seconds; 0 for nil.
func (c *child) cpuNow() float64 {
	if c == nil {
		return 0
	}
	return measure.CPU(c.cmd.Process.Pid).Seconds()
}

func seconds(u measure.Usage) float64 { return u.Seconds }
func cpu(u measure.Usage) float64     { return u.CPU }
func rss(u measure.Usage) float64     { return u.RSS }
