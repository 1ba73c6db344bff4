package processor_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"inv/internal/broker"
	"inv/internal/kafkatest"
	"inv/internal/scenario"
	"inv/processor"
	"inv/scenarios"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Topics, offsets and state that an earlier version wrote are continued: nothing
// is lost, nothing counts twice, and the offsets get this version's format.
//
// testdata/upgrade has a folder of the embedded broker for each format of
// offsets, as the last version that wrote it left it. inv-1: 20 products; 400
// orders processed, 4 of them dead-lettered; 150 more to process; three receipts
// pending.
//
//	inv broker --data data &
//	inv produce catalog --products 20 --seed 3
//	inv produce orders --count 300 --rate max --seed 3
//	inv process --drain --lead-time 50ms
//	inv produce orders --count 100 --rate max --seed 4 --fault malformed=5%
//	inv process --lead-time 5m            # stopped when it had read everything
//	inv produce orders --count 150 --rate max --seed 5
func TestContinuesFromEarlierVersions(t *testing.T) {
	for _, format := range []string{"inv-1"} {
		t.Run(format, func(t *testing.T) {
			s := restored(t, filepath.Join("testdata", "upgrade", format+".tar.gz"))
			if n := len(s.all(s.topic("receipts"))); n != 3 {
				t.Fatalf("the fixture has %d receipts, want 3", n)
			}
			var log strings.Builder
			summary := s.drain(func(c *config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
			if n := summary.Count(s.topic("orders"), processor.Accepted); n != 150 {
				t.Errorf("%d orders accepted, want the 150 that were left", n)
			}
			if n := strings.Count(log.String(), "earlier version"); n != 1 {
				t.Errorf("%d lines about the earlier version, want 1:\n%s", n, log.String())
			}
			s.prove()
			for _, o := range s.offsets("ingest", "ledger", "procurement") {
				if o.Topic == s.topic("orders") && !strings.HasPrefix(o.Metadata, "inv/2 ") {
					t.Errorf("%s/%d is committed with metadata %q", o.Topic, o.Partition, o.Metadata)
				}
			}
			log.Reset()
			s.drain(func(c *config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
			s.prove()
		})
	}
}

// offsets returns what the stages' groups have committed.
func (s *system) offsets(stages ...string) (all []kadm.Offset) {
	s.t.Helper()
	for _, stage := range stages {
		offsets, err := kadm.NewClient(s.client).FetchOffsets(s.t.Context(), s.prefix+"-"+stage)
		if err != nil {
			s.t.Fatal(err)
		}
		offsets.Each(func(o kadm.OffsetResponse) { all = append(all, o.Offset) })
	}
	return all
}

// restored starts the embedded broker on a copy of a folder of its own.
func restored(t *testing.T, archive string) *system {
	t.Helper()
	dir := t.TempDir()
	unpack(t, archive, dir)
	b, err := broker.Start(broker.Options{Listen: "127.0.0.1:0", DataDir: filepath.Join(dir, "data")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	source, err := scenarios.Files.ReadFile("inventory.yaml")
	if err != nil {
		t.Fatal(err)
	}
	sc, err := scenario.Parse("inventory.yaml", source)
	if err != nil {
		t.Fatal(err)
	}
	brokers := []string{b.Addr()}
	return &system{t: t, brokers: brokers, prefix: "inv", scenario: sc, client: kafkatest.Client(t, brokers), names: builtIn()}
}

// unpack unpacks a tar.gz into a folder.
func unpack(t *testing.T, archive, dir string) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for files := tar.NewReader(unzipped); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeDir {
			if err := root.MkdirAll(filepath.Clean(h.Name), 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		content, err := io.ReadAll(files)
		if err == nil {
			err = root.WriteFile(h.Name, content, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
