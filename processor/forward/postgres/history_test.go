package postgres

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"inv/internal/scenario"
	"inv/processor/forward"
)

// history is a topic: the records of its partitions, in which a key is always in the same
// one, with gaps between offsets, values of newest that go up and down, and tombstones.
func history(random *rand.Rand, partitions, records int) [][]*forward.Record {
	list := make([][]*forward.Record, partitions)
	next := make([]int64, partitions)
	for range records {
		k := random.IntN(20)
		p := k % partitions
		next[p] += 1 + int64(random.IntN(2))
		key := fmt.Sprintf("p-%d", k)
		value := fmt.Sprintf(`{"product_id":%q,"seq":%d,"current_stock":%d,"unit_price":%d.5}`, key, random.IntN(100), random.IntN(1000), random.IntN(50))
		if random.IntN(10) == 0 {
			value = ""
		}
		list[p] = append(list[p], record(int32(p), next[p], key, value))
	}
	return list
}

// deliver writes a partition in batches of any size, through a network that breaks, and
// ends when all is written. Now and then a stream is given up and opened again.
func deliver(store *Store, p forward.Partition, records []*forward.Record, random *rand.Rand) error {
	ctx := context.Background()
	end := int64(0)
	if len(records) > 0 {
		end = records[len(records)-1].Offset + 1
	}
	var stream forward.Stream
	at := 0 // records before it are appended
	for try := 0; try < 3000; try++ {
		if stream == nil {
			opened, err := store.Open(ctx, p)
			if err != nil {
				continue
			}
			stream = opened
			next, _ := stream.Next()
			at, _ = slices.BinarySearchFunc(records, next, func(r *forward.Record, next int64) int { return cmp.Compare(r.Offset, next) })
		}
		n := min(len(records)-at, random.IntN(40))
		if err := stream.Append(ctx, records[at:at+n]); err != nil {
			return err
		}
		at += n
		next := end
		if at < len(records) {
			next = records[at-1+btoi(at == 0)].Offset + 1 - int64(btoi(at == 0))
		}
		switch random.IntN(8) {
		case 0:
			continue
		case 1:
			stream.Close()
			stream = nil
			continue
		}
		for tries := 0; ; tries++ {
			err := stream.Flush(ctx, next)
			var refused *forward.RecordError
			var stop *forward.StopError
			if errors.As(err, &refused) || errors.As(err, &stop) {
				return err
			}
			if err == nil && next == end && at == len(records) {
				return stream.Close()
			}
			if errors.Is(err, forward.ErrNotOwner) || tries == 5 {
				stream.Close()
				stream = nil
			}
			if err == nil || stream == nil {
				break
			}
		}
	}
	return errors.New("given up")
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestRealHistories compares tables with a fold over the records, which were written
// through a network that breaks at any place, with two owners of each partition.
func TestRealHistories(t *testing.T) {
	s := startServer(t)
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			d := db{t, s.database()}
			random := rand.New(rand.NewPCG(seed, 1))
			records := history(random, 3, 900)
			network := startProxy(t, s.port)
			network.set(func(toServer bool, data []byte) verdict {
				switch n := random.IntN(150); { // the proxy calls it by one goroutine at a time
				case n == 0:
					return lose
				case n == 1, toServer && bytes.Contains(data, []byte("COMMIT\x00")) && n < 15:
					return answer
				}
				return pass
			})
			late := stock()
			late.Newest, late.Name, late.Alias = nil, "latest", "latest"
			newest := stock()
			newest.Alias = "updates"
			url := strings.Replace(d.url, fmt.Sprint(s.port), fmt.Sprint(network.port()), 1)
			var wg sync.WaitGroup
			errs := make([]error, 2*3*3)
			for i := range errs {
				owner, p, alias := i%2, i/2%3, []string{"updates", "latest", "events"}[i/6]
				mine := slices.Clone(records[p])
				for k := range mine {
					r := *mine[k]
					r.Alias, mine[k] = alias, &r
				}
				part := part(int32(p))
				wg.Go(func() {
					random := rand.New(rand.NewPCG(seed, uint64(10+i)))
					change := func(c *Config) { c.Sink.Name = alias }
					store, err := newStore(url, change, scenario.Table{Name: "events"}, newest, late)
					if err == nil {
						err = deliver(store, part, mine, random)
						store.Close()
					}
					errs[2*(i/2)+owner] = err
				})
			}
			wg.Wait()
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
			compareFolds(t, d, records)
		})
	}
}

func compareFolds(t *testing.T, d db, records [][]*forward.Record) {
	var all []string
	newest, latest := map[string]string{}, map[string]string{}
	best := map[string]int{}
	for _, partition := range records {
		for _, r := range partition {
			key := string(r.Key)
			all = append(all, fmt.Sprintf("%d|%d|%s", r.Partition, r.Offset, key))
			if r.Value == nil {
				delete(newest, key)
				delete(latest, key)
				continue
			}
			var product string
			var seq, stock, price int
			if _, err := fmt.Sscanf(string(r.Value), `{"product_id":%q,"seq":%d,"current_stock":%d,"unit_price":%d.5}`, &product, &seq, &stock, &price); err != nil {
				t.Fatal(err)
			}
			row := fmt.Sprintf("%s|%d|%d|%d.50", product, r.Offset, stock, price)
			latest[key] = row
			if _, ok := newest[key]; !ok || seq > best[key] {
				newest[key], best[key] = row, seq
			}
		}
	}
	slices.Sort(all)
	same(t, d.rows(`SELECT _partition, _offset, _key FROM events ORDER BY (_partition || '|' || _offset || '|' || _key) COLLATE "C"`), all)
	for table, want := range map[string]map[string]string{"stock": newest, "latest": latest} {
		var list []string
		for _, row := range want {
			list = append(list, row)
		}
		slices.Sort(list)
		same(t, d.rows(fmt.Sprintf(`SELECT product_id, _offset, current_stock, unit_price FROM %s ORDER BY (product_id || '|' || _offset) COLLATE "C"`, table)), list)
	}
}
