package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// invocation is the outcome of inv, run in this process.
type invocation struct {
	stdout, stderr string
	code           int
}

// invoke runs a command line. The environment is NAME=VALUE.
func invoke(t *testing.T, environment []string, args ...string) invocation {
	t.Helper()
	return invokeWith(t, environment, "", args...)
}

// invokeWith runs a command with a text on stdin.
func invokeWith(t *testing.T, environment []string, stdin string, args ...string) invocation {
	t.Helper()
	var out, err bytes.Buffer
	env := map[string]string{}
	for _, e := range environment {
		name, value, _ := strings.Cut(e, "=")
		env[name] = value
	}
	code := run(args, &streams{
		in:     strings.NewReader(stdin),
		out:    &out,
		err:    &err,
		getenv: func(name string) string { return env[name] },
		now:    time.Now,
		width:  func() int { return 0 },
	})
	return invocation{out.String(), err.String(), code}
}

func (i invocation) wants(t *testing.T, code int, stdout, stderr string) {
	t.Helper()
	if i.code != code || !strings.Contains(i.stdout, stdout) || !strings.Contains(i.stderr, stderr) {
		t.Errorf("exit code %d, want %d\n--- stdout, which should have %q\n%s--- stderr, which should have %q\n%s",
			i.code, code, stdout, i.stdout, stderr, i.stderr)
	}
}
