package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"inv/cmd/bench/measure"
)

// parquet compares `inv forward` into Parquet with kcat into DuckDB, which writes one file,
// syncs nothing and keeps no offsets. It needs INV_PYTHON, a python that has duckdb.
func parquet(ctx context.Context, b *bench) error {
	if b.python = os.Getenv("INV_PYTHON"); b.python == "" {
		return errors.New("INV_PYTHON must be a python that has duckdb; .ci/forward --shell sets it")
	}
	sides := []struct {
		name string
		run  func(ctx context.Context, folder string) (measure.Usage, error)
	}{
		{"kcat | duckdb", b.duckdb},
		{"inv", b.lake("")},
		{"inv, columns", b.lake(`, columns: {product_id: text, current_stock: int, unit_price: "decimal(12,6)", timestamp: time_ms}`)},
	}
	rates := make([][]float64, len(sides))
	memory := make([][]float64, len(sides))
	for round := range b.rounds {
		for i, s := range sides {
			if b.only && i == 0 {
				continue
			}
			folder := filepath.Join(b.folder, fmt.Sprintf("lake-%d-%d", round, i))
			u, err := s.run(ctx, folder)
			if err == nil {
				err = b.countRows(ctx, folder)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			rate := float64(b.updates) / u.Seconds
			fmt.Printf("round %d: %-14s %7.0f rows/s, %5.1f s, %5.1f CPU s, %4.0f MB\n", round+1, s.name, rate, u.Seconds, u.CPU, u.RSS/1e6)
			rates[i], memory[i] = append(rates[i], rate), append(memory[i], u.RSS/1e6)
			if err := os.RemoveAll(folder); err != nil {
				return err
			}
		}
	}
	if b.only {
		return nil
	}
	fmt.Printf("\ninv: %.2f × kcat | duckdb (wanted 1), %.0f MB (wanted at most 150)\n", measure.Median(rates[1])/measure.Median(rates[0]), slices.Max(memory[1]))
	return nil
}

// duckdb lets kcat print the topic as CSV whose quotes and delimiters no JSON has.
func (b *bench) duckdb(ctx context.Context, folder string) (measure.Usage, error) {
	if err := os.MkdirAll(filepath.Join(folder, topic), 0o755); err != nil {
		return measure.Usage{}, err
	}
	query := fmt.Sprintf(`COPY (SELECT * EXCLUDE (_time), make_timestamp(_time * 1000) AS _time FROM read_csv('/dev/stdin', header=false, auto_detect=false, delim='\x02', quote='\x01', escape='\x01', max_line_size=10000000,
		columns={'_topic': 'VARCHAR', '_partition': 'INTEGER', '_offset': 'BIGINT', '_time': 'BIGINT', '_key': 'VARCHAR', 'value': 'VARCHAR'})) TO '%s' (FORMAT parquet, COMPRESSION zstd)`,
		filepath.Join(folder, topic, "all.parquet"))
	script := fmt.Sprintf(`set -o pipefail; kcat -C -b %s -t %s -o beginning -e -q -f '%%t\x02%%p\x02%%o\x02%%T\x02%%k\x02%%s\n' | %s -c "$QUERY"`, b.brokers, topic, b.python)
	u, out, err := measure.Timed(ctx, "env", "QUERY=import duckdb; duckdb.sql(\"\"\""+query+"\"\"\")", "bash", "-c", script)
	if err != nil {
		return u, fmt.Errorf("%w: %s", err, out)
	}
	return u, nil
}

const lakes = `scenario: bench
topics:
  updates: {topic: %s, partitions: 6}
sinks:
  bench:
    from: updates
    files: {folder: %q, format: parquet%s}
`

// lake drains the topic with a group of its own.
func (b *bench) lake(columns string) func(context.Context, string) (measure.Usage, error) {
	return func(ctx context.Context, folder string) (measure.Usage, error) {
		scenario := filepath.Join(b.folder, "lake.yaml")
		if err := os.WriteFile(scenario, fmt.Appendf(nil, lakes, topic, folder, columns), 0o600); err != nil {
			return measure.Usage{}, err
		}
		app := fmt.Sprintf("bench-%d-%s", os.Getpid(), filepath.Base(folder))
		u, out, err := measure.Timed(ctx, b.inv, "forward", "--drain", "--brokers", b.brokers, "--scenario", scenario, "--app-id", app)
		if err != nil {
			return u, fmt.Errorf("%w: %s", err, out)
		}
		return u, nil
	}
}

// countRows counts what a side has written.
func (b *bench) countRows(ctx context.Context, folder string) error {
	query := fmt.Sprintf("import duckdb; print(*duckdb.sql(\"SELECT count(*), count(DISTINCT (_partition, _offset)) FROM read_parquet('%s/*/*.parquet')\").fetchone())", folder)
	_, out, err := measure.Timed(ctx, b.python, "-c", query)
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	if got, want := strings.TrimSpace(string(out)), fmt.Sprintf("%d %d", b.updates, b.updates); got != want {
		return fmt.Errorf("%s rows and distinct ones, want %s", got, want)
	}
	return nil
}
