package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed benthos.yaml
var benthosConfig string

// benthosVersion is the last release of Redpanda Connect under its former name and licence.
const benthosVersion = "v4.27.0"

// benthosMain is a benthos with the components that the configuration uses. It is built in a
// module of its own, so that ours doesn't depend on it.
const benthosMain = `package main

import (
	"context"

	_ "github.com/benthosdev/benthos/v4/public/components/io"
	_ "github.com/benthosdev/benthos/v4/public/components/kafka"
	_ "github.com/benthosdev/benthos/v4/public/components/pure"
	_ "github.com/benthosdev/benthos/v4/public/components/pure/extended"
	"github.com/benthosdev/benthos/v4/public/service"
)

func main() { service.RunCLI(context.Background()) }
`

// buildBenthos builds benthos, unless -benthos names one.
func (l *lab) buildBenthos(ctx context.Context) error {
	if l.benthos != "" {
		return nil
	}
	l.progress("building benthos %s, which takes some minutes the first time", benthosVersion)
	folder := filepath.Join(l.dir, "benthos-module")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "main.go"), []byte(benthosMain), 0o600); err != nil {
		return err
	}
	l.benthos = filepath.Join(l.dir, "benthos")
	for _, args := range [][]string{
		{"mod", "init", "peer"},
		{"get", "github.com/benthosdev/benthos/v4@" + benthosVersion},
		{"mod", "tidy"},
		// Its Parquet library links to a symbol that newer versions of Go keep to themselves.
		{"build", "-ldflags=-checklinkname=0", "-o", l.benthos, "."},
	} {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = folder
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}

func benthosSide() side {
	return side{
		name: "benthos", title: "benthos, at least once", peer: true,
		start: func(l *lab, app string) (*child, error) {
			file := filepath.Join(l.dir, "benthos.yaml")
			text := strings.NewReplacer("BROKERS", l.brokers, "GROUP", app).Replace(benthosConfig)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				return nil, err
			}
			return l.start("benthos", l.benthos, "-c", file)
		},
		groups: func(app string) map[string][]string { return map[string][]string{app: {"legacy_customer_data"}} },
	}
}

// standardizeTask has so many customers in XML, and the table of their segments.
func standardizeTask(records int) task {
	return task{
		topology: "standardize", inputs: []string{"legacy_customer_data", "customer_segments"},
		read: []string{"legacy_customer_data"}, outputs: []string{"standardized_customer_data"}, writes: []string{"standardized"},
		same: true,
		fill: [][]string{
			{"produce", "segments", "--rate", "max"},
			{"produce", "legacy-customers", "--seed", "7", "--rate", "max", "--count", fmt.Sprint(records)},
		},
	}
}

// standardize compares the declared topology with the same in benthos.
func standardize(ctx context.Context, l *lab) error {
	if err := l.buildBenthos(ctx); err != nil {
		return err
	}
	if l.proves() {
		small := standardizeTask(proofRecords)
		if err := l.prepare(ctx, small, "legacy", "segments"); err != nil {
			return err
		}
		if err := l.prove(ctx, small); err != nil {
			return err
		}
	}
	t := standardizeTask(l.orders)
	if err := l.prepare(ctx, t, "legacy", "segments"); err != nil {
		return err
	}
	fmt.Printf("\n### Standardize: %d XML records, %d partitions\n\n", l.orders, l.partitions)
	runs, err := l.compare(ctx, t, l.orders, "records", declaredSide(t), benthosSide())
	if err == nil {
		ratio(runs["inv"], runs["benthos"], "benthos", 2, 0)
	}
	return err
}
