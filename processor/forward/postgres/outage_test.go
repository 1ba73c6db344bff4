package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"inv/internal/scenario"
	"inv/processor/forward"
)

// TestRealOutage kills the server while partitions are written.
func TestRealOutage(t *testing.T) {
	s := startServer(t)
	d := db{t, s.database()}
	const partitions, batches, size = 3, 40, 50
	done := make(chan error, partitions)
	progress := make(chan int, partitions*batches)
	for p := range int32(partitions) {
		store := openStore(t, d.url, nil, events())
		stream := openPart(t, store, part(p))
		go func() {
			for b := range int64(batches) {
				if err := stream.Append(context.Background(), rowsOf(p, b*size, (b+1)*size)); err != nil {
					done <- err
					return
				}
				for tries := 0; ; tries++ {
					err := stream.Flush(context.Background(), (b+1)*size)
					if err == nil {
						break
					}
					var refused *forward.RecordError
					var stop *forward.StopError
					if errors.As(err, &refused) || errors.As(err, &stop) || errors.Is(err, forward.ErrNotOwner) || tries > 100_000 {
						done <- err
						return
					}
				}
				progress <- 1
			}
			done <- nil
		}()
	}
	for i := range partitions * batches {
		<-progress
		if i == 20 || i == 60 {
			s.stop("immediate")
			s.start()
		}
	}
	for range partitions {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	n := partitions * batches * size
	same(t, d.rows("SELECT count(*), count(DISTINCT (_topic, _partition, _offset)), sum(_offset) FROM events"),
		[]string{fmt.Sprintf("%d|%[1]d|%d", n, partitions*(batches*size)*(batches*size-1)/2)})
}

// TestRealPoison has records that are refused, before they are sent and by the server.
func TestRealPoison(t *testing.T) {
	s := startServer(t)
	t.Run("before it is sent", func(t *testing.T) { testRefusedHere(t, s) })
	t.Run("by the server", func(t *testing.T) { testRefusedThere(t, s) })
	t.Run("append", func(t *testing.T) { testRefusedAppend(t, s) })
}

// drive appends and flushes as the loop does, with dead letters left out.
func drive(t *testing.T, stream forward.Stream, records []*forward.Record) (letters []*forward.RecordError) {
	t.Helper()
	ctx := context.Background()
	for at := 0; ; {
		var refused *forward.RecordError
		if err := stream.Append(ctx, records[at:]); errors.As(err, &refused) {
			letter := refused
			if err := stream.Flush(ctx, letter.Record.Offset); err != nil {
				if !errors.As(err, &refused) {
					t.Fatal(err)
				}
				letter = refused
			}
			letters = append(letters, letter)
		} else if err != nil {
			t.Fatal(err)
		} else if err := stream.Flush(ctx, records[len(records)-1].Offset+1); errors.As(err, &refused) {
			letters = append(letters, refused)
		} else if err != nil {
			t.Fatal(err)
		} else {
			return letters
		}
		at = int(letters[len(letters)-1].Record.Offset-records[0].Offset) + 1
		if next, _ := stream.Next(); next > records[at-1].Offset {
			t.Fatalf("the position is %d, behind the letter of %d", next, records[at-1].Offset)
		}
		if at == len(records) {
			return letters
		}
	}
}

func testRefusedHere(t *testing.T, s *server) {
	d := db{t, s.database()}
	store := openStore(t, d.url, nil, stock(), scenario.Table{Alias: "whole", Name: "whole"})
	stream := openPart(t, store, part(0))
	bad := map[int64]string{
		1: `{"product_id":"a\u0000b","seq":1}`,
		2: `{"product_id":"a","seq":1,"unit_price":12345678901.5}`,
		3: `{"product_id":"a","seq":1,"unit_price":1.005}`,
		4: `{"product_id":"a","seq":9223372036854775808}`,
		5: `{"product_id":"a","seq":1,"timestamp":9223372036854775807}`,
		6: `{"seq":1}`,
		7: `{"product_id":"a","seq":null}`,
		8: `not JSON`,
		9: `{"product_id":"\ud800","seq":1}`,
	}
	var records []*forward.Record
	for o := range int64(12) {
		value, ok := bad[o]
		if !ok {
			value = fmt.Sprintf(`{"product_id":"p-%d","seq":1}`, o)
		}
		records = append(records, record(0, o, "k", value))
	}
	whole := record(0, 12, "k", `{"a\u0000":1}`)
	whole.Alias = "whole"
	key := record(0, 13, "k\x00", `{}`)
	key.Alias = "whole"
	latin := record(0, 14, "k\xff", `{}`)
	latin.Alias = "whole"
	text := record(0, 15, "k", `words`)
	text.Alias = "whole"
	var got []string
	for _, l := range drive(t, stream, append(records, whole, key, latin, text)) {
		got = append(got, fmt.Sprintf("%d %v", l.Record.Offset, l))
	}
	same(t, got, []string{
		"1 refused: column product_id (text): the character U+0000, which PostgreSQL can't hold",
		`2 refused: column unit_price (decimal(12,2)): "12345678901.5" has more than 10 digits before the point`,
		`3 refused: column unit_price (decimal(12,2)): "1.005" has more than 2 decimals`,
		`4 refused: column seq (int): "9223372036854775808" doesn't fit 64 bits`,
		"5 refused: column timestamp (time_ms): 9223372036854775807 is not a time that PostgreSQL has, from 4714 BC until 294276",
		"6 expression: column product_id (text): the key of the row is missing or null",
		"7 expression: column seq (int): the value is missing or null",
		"8 not-json: line 0, column 0: the record's value is not JSON",
		`9 not-unicode: column product_id (text): not valid Unicode: half a surrogate pair, \ud800`,
		"12 refused: column value (jsonb): the character U+0000, which PostgreSQL can't hold",
		"13 refused: column _key (text): the character U+0000, which PostgreSQL can't hold",
		"14 not-unicode: column _key (text): not valid Unicode",
		"15 not-json: column value (jsonb): the record's value is not JSON",
	})
	same(t, d.rows("SELECT product_id FROM stock ORDER BY _offset"), []string{"p-0", "p-10", "p-11"})
}

func testRefusedThere(t *testing.T, s *server) {
	d := db{t, s.database()}
	store := openStore(t, d.url, nil, stock())
	stream := openPart(t, store, part(0))
	d.exec(`ALTER TABLE stock ADD CONSTRAINT positive CHECK (current_stock >= 0)`)
	var records []*forward.Record
	for o := range int64(1000) {
		n := 1
		if o == 0 || o == 371 || o == 372 || o == 999 {
			n = -1
		}
		records = append(records, record(0, o, "k", fmt.Sprintf(`{"product_id":"p-%d","seq":1,"current_stock":%d}`, o, n)))
	}
	records[500] = record(0, 500, "k", fmt.Sprintf(`{"product_id":%q,"seq":1}`, incompressible(20_000)))
	var got []string
	for _, l := range drive(t, stream, records) {
		got = append(got, fmt.Sprintf("%d %.150v", l.Record.Offset, l))
	}
	violates := ` refused: table stock: ERROR: new row for relation "stock" violates check constraint "positive" (SQLSTATE 23514)`
	same(t, got, []string{"0" + violates, "371" + violates, "372" + violates,
		`500 too-large: table stock: ERROR: index row requires 20016 bytes, maximum size is 8191 (SQLSTATE 54000)`, "999" + violates})
	same(t, d.rows("SELECT count(*), (SELECT next FROM inv_positions) FROM stock"), []string{"995|999"})
}

// incompressible returns text that an index can't make shorter.
func incompressible(n int) string {
	var b strings.Builder
	x := uint64(1)
	for range n {
		x = x*6364136223846793005 + 1442695040888963407
		b.WriteByte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"[x>>58])
	}
	return b.String()
}

func testRefusedAppend(t *testing.T, s *server) {
	d := db{t, s.database()}
	table := scenario.Table{Name: "events"}
	store := openStore(t, d.url, nil, table)
	stream := openPart(t, store, part(0))
	d.exec(`CREATE UNIQUE INDEX ON events ((value->>'id')); ALTER TABLE events ADD CHECK (value->>'id' <> 'late') NOT VALID;
		CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF new.value->>''id'' = ''deferred'' THEN RAISE EXCEPTION ''deferred'' USING ERRCODE = ''23000''; END IF; RETURN NULL; END';
		CREATE CONSTRAINT TRIGGER late AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late()`)
	var records []*forward.Record
	for o := range int64(1000) {
		records = append(records, record(0, o, "k", fmt.Sprintf(`{"id":"%d"}`, o)))
	}
	records[10] = record(0, 10, "k", `{"id":"9"}`)
	records[700] = record(0, 700, "k", `{"id":"late"}`)
	records[701] = record(0, 701, "k", `{"id":1e200000}`)
	records[800] = record(0, 800, "k", `{"id":"deferred"}`)
	var got []string
	for _, l := range drive(t, stream, records) {
		got = append(got, fmt.Sprintf("%d %v", l.Record.Offset, l))
	}
	same(t, got, []string{
		`10 refused: table events: ERROR: duplicate key value violates unique constraint "events_expr_idx" (SQLSTATE 23505)`,
		`700 refused: table events: ERROR: new row for relation "events" violates check constraint "events_value_check" (SQLSTATE 23514)`,
		`701 refused: table events, column value (jsonb): ERROR: value overflows numeric format (SQLSTATE 22003)`,
		`800 refused: table events: ERROR: deferred (SQLSTATE 23000)`,
	})
	same(t, d.rows("SELECT count(*), (SELECT next FROM inv_positions) FROM events"), []string{"996|1000"})
	if !stream.Due().IsZero() {
		t.Error("an empty stream is due")
	}
}
