package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"inv/processor/forward"
)

// TestRealOwners is what becomes of partitions whose owner stands still, is replaced, or
// gets no answer.
func TestRealOwners(t *testing.T) {
	s := startServer(t)
	t.Run("zombie", func(t *testing.T) { testZombie(t, s) })
	t.Run("two without position", func(t *testing.T) { testTwoWithoutPosition(t, s) })
	t.Run("stopped in its transaction", func(t *testing.T) { testStopped(t, s) })
	t.Run("commit arrives unanswered", func(t *testing.T) { testUnanswered(t, s, answer) })
	t.Run("commit is lost", func(t *testing.T) { testUnanswered(t, s, lose) })
	t.Run("commit unanswered, other owner", func(t *testing.T) { testUnansweredOther(t, s) })
	t.Run("idle connection broken", func(t *testing.T) { testIdle(t, s) })
	t.Run("timeout", func(t *testing.T) { testTimeout(t, s) })
}

func rowsOf(partition int32, from, to int64) []*forward.Record {
	var list []*forward.Record
	for o := from; o < to; o++ {
		list = append(list, record(partition, o, "k", fmt.Sprintf(`{"product_id":"p-%d","seq":%d}`, o, o)))
	}
	return list
}

func testZombie(t *testing.T, s *server) {
	d := db{t, s.database()}
	zombie := openPart(t, openStore(t, d.url, nil, events()), part(0))
	put(t, zombie, 2, rowsOf(0, 0, 2)...)
	owner := openPart(t, openStore(t, d.url, nil, events()), part(0))
	if err := zombie.Append(context.Background(), rowsOf(0, 2, 5)); err != nil {
		t.Fatal(err)
	}
	put(t, owner, 4, rowsOf(0, 2, 4)...)
	for range 2 {
		if err := zombie.Flush(context.Background(), 5); !errors.Is(err, forward.ErrNotOwner) {
			t.Errorf("a former owner wrote: %v", err)
		}
	}
	put(t, owner, 6, rowsOf(0, 4, 6)...)
	same(t, d.rows("SELECT count(*), max(_offset), (SELECT next FROM inv_positions) FROM events"), []string{"6|5|6"})
}

func testTwoWithoutPosition(t *testing.T, s *server) {
	d := db{t, s.database()}
	a := openPart(t, openStore(t, d.url, nil, events()), part(0))
	b := openPart(t, openStore(t, d.url, nil, events()), part(0))
	put(t, a, 2, rowsOf(0, 0, 2)...)
	if err := b.Append(context.Background(), rowsOf(0, 0, 1)); err != nil {
		t.Fatal(err)
	}
	if err := b.Flush(context.Background(), 1); !errors.Is(err, forward.ErrNotOwner) {
		t.Errorf("the second owner wrote: %v", err)
	}
	same(t, d.rows("SELECT next FROM inv_positions"), []string{"2"})
}

// testStopped stops an owner between two packets of its COPY. It holds the locks of the
// partition then, and no timeout of the server ends it.
func testStopped(t *testing.T, s *server) {
	d := db{t, s.database()}
	network := startProxy(t, s.port)
	through := strings.Replace(d.url, fmt.Sprint(s.port), fmt.Sprint(network.port()), 1)
	zombie := openPart(t, openStore(t, through, nil, events()), part(0))
	put(t, zombie, 1, rowsOf(0, 0, 1)...)
	if err := zombie.Append(context.Background(), rowsOf(0, 1, 20_001)); err != nil {
		t.Fatal(err)
	}
	network.set(func(toServer bool, b []byte) verdict {
		if toServer && bytes.Contains(b, []byte("p-15000")) {
			return stall
		}
		return pass
	})
	flushed := make(chan error, 1)
	go func() { flushed <- zombie.Flush(context.Background(), 20_001) }()
	waitFor(t, func() bool {
		return d.one("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'inv' AND query LIKE 'COPY%' AND wait_event = 'ClientRead' AND state = 'active'") == "1"
	})
	owner := openPart(t, openStore(t, d.url, nil, events()), part(0))
	put(t, owner, 3, rowsOf(0, 1, 3)...)
	network.set(nil)
	network.release()
	if err := <-flushed; err == nil || errors.Is(err, forward.ErrNotOwner) {
		t.Errorf("the stopped owner: %v", err)
	}
	if err := zombie.Flush(context.Background(), 20_001); !errors.Is(err, forward.ErrNotOwner) {
		t.Errorf("the former owner wrote: %v", err)
	}
	same(t, d.rows("SELECT count(*) FROM events"), []string{"3"})
}

func testUnanswered(t *testing.T, s *server, fate verdict) {
	d := db{t, s.database()}
	network := startProxy(t, s.port)
	points := 0
	through := strings.Replace(d.url, fmt.Sprint(s.port), fmt.Sprint(network.port()), 1)
	stream := openPart(t, openStore(t, through, func(c *Config) {
		c.At = func(point string) {
			if points++; point != "sql-commit" {
				t.Errorf("point %s", point)
			}
		}
	}, events()), part(0))
	commits := 0
	network.set(func(toServer bool, b []byte) verdict {
		if toServer && bytes.Contains(b, []byte("COMMIT\x00")) && !bytes.Contains(b, []byte("SELECT")) {
			if commits++; commits == 1 || commits == 3 {
				return fate
			}
		}
		return pass
	})
	for to := int64(10); to <= 20; to += 10 { // the first one makes the position
		if err := stream.Append(context.Background(), rowsOf(0, to-10, to)); err != nil {
			t.Fatal(err)
		}
		err := stream.Flush(context.Background(), to)
		if fate == lose {
			if err == nil || !strings.Contains(err.Error(), "nothing is committed") {
				t.Errorf("a COMMIT that was lost: %v", err)
			}
			err = stream.Flush(context.Background(), to)
		}
		if err != nil {
			t.Errorf("next = %d: %v", to, err)
		}
		same(t, d.rows("SELECT count(*), (SELECT next FROM inv_positions) FROM events"), []string{fmt.Sprintf("%d|%[1]d", to)})
	}
	if want := map[verdict]int{answer: 2, lose: 4}[fate]; fate == lose && points != want {
		t.Errorf("the point sql-commit was reached %d times, not %d", points, want)
	}
}

// testUnansweredOther has no server to ask after a COMMIT without answer until another
// process has written.
func testUnansweredOther(t *testing.T, s *server) {
	d := db{t, s.database()}
	network := startProxy(t, s.port)
	through := strings.Replace(d.url, fmt.Sprint(s.port), fmt.Sprint(network.port()), 1)
	stream := openPart(t, openStore(t, through, nil, events()), part(0))
	away := false
	network.set(func(toServer bool, b []byte) verdict {
		switch {
		case away:
			return lose
		case bytes.Contains(b, []byte("COMMIT\x00")):
			away = true
			return answer
		}
		return pass
	})
	if err := stream.Append(context.Background(), rowsOf(0, 0, 10)); err != nil {
		t.Fatal(err)
	}
	wantHold(t, stream.Flush(context.Background(), 10), "COMMIT got no answer")
	wantHold(t, stream.Flush(context.Background(), 10), "")
	waitFor(t, func() bool { return d.one("SELECT count(*) FROM events") == "10" })
	put(t, openPart(t, openStore(t, d.url, nil, events()), part(0)), 12, rowsOf(0, 10, 12)...)
	network.set(nil)
	if err := stream.Flush(context.Background(), 10); !errors.Is(err, forward.ErrNotOwner) {
		t.Errorf("the former owner: %v", err)
	}
	same(t, d.rows("SELECT count(*) FROM events"), []string{"12"})
}

func testIdle(t *testing.T, s *server) {
	d := db{t, s.database()}
	stream := openPart(t, openStore(t, d.url, nil, events()), part(0))
	put(t, stream, 1, rowsOf(0, 0, 1)...)
	d.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'inv' AND datname = current_database()")
	waitFor(t, func() bool {
		return d.one("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'inv' AND datname = current_database()") == "0"
	})
	put(t, stream, 2, rowsOf(0, 1, 2)...)
	same(t, d.rows("SELECT count(*) FROM events"), []string{"2"})
}

func testTimeout(t *testing.T, s *server) {
	d := db{t, s.database()}
	store := openStore(t, d.url, nil, stock())
	stream := openPart(t, store, part(0))
	if err := stream.Append(context.Background(), rowsOf(0, 0, 1)); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	conn, _, err := store.pool.acquire(ctx, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := execute(ctx, conn, "BEGIN; LOCK TABLE stock"); err != nil {
		t.Fatal(err)
	}
	patient := store.timeout
	store.timeout = 300 * time.Millisecond
	wantHold(t, stream.Flush(ctx, 1), "")
	store.timeout = patient
	if err := execute(ctx, conn, "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	store.pool.release(conn)
	put(t, stream, 1)
	same(t, d.rows("SELECT count(*) FROM stock"), []string{"1"})
}

// waitFor waits until a condition holds.
func waitFor(t *testing.T, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatal("it never holds")
		}
		time.Sleep(10 * time.Millisecond)
	}
}
