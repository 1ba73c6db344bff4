package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"inv/internal/broker"
)

// A start on much data says what memory that takes, one on little data nothing.
func TestBrokerSaysItsMemory(t *testing.T) {
	for _, c := range []struct {
		bytes, batches int64
		want           string
	}{
		{1 << 20, 1000, ""},
		{200e6, 1_000_000, "Reading 200.0 MB in 1,000,000 record batches: up to 345.0 MB of memory, then about 145.0 MB.\n"},
	} {
		dir := t.TempDir()
		// Of a topic that does not exist: its files are not read.
		partition := filepath.Join(dir, "partitions", "none-0")
		if err := os.MkdirAll(partition, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, size := range map[string]int64{"0.dat": c.bytes, "0.idx": c.batches * 15} {
			path := filepath.Join(partition, name)
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, size); err != nil {
				t.Fatal(err)
			}
		}
		var said bytes.Buffer
		s := &streams{err: &said, getenv: func(string) string { return "100" }}
		b, err := startBroker(s, broker.Options{Listen: "127.0.0.1:0", DataDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		b.Close()
		if got := said.String(); got != c.want {
			t.Errorf("said %q, want %q", got, c.want)
		}
	}
}
