// Command expr times the expressions of the seven sample topologies on gojq and on
// compiled closures (package jq): each kind of expression alone, and all expressions of a
// topology on a record, with the decoding or scanning of record, state and joined rows.
//
//	go run ./cmd/bench/expr
//
// Sides take turns, and each figure is the least of its rounds.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"inv/cmd/bench/measure"
	"inv/internal/jq"
)

func main() { os.Exit(measure.Main("expr", run)) }

func run(ctx context.Context) error {
	rounds := flag.Int("rounds", 7, "rounds of both sides")
	count := flag.Int("n", 200, "records of a round")
	list := flag.Bool("v", false, "name the expressions that have no closures")
	flag.Parse()
	all, err := load(topologies)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer w.Flush()
	kinds := map[string]*cost{}
	fmt.Fprintln(w, "topology\texpressions\tcompiled\tgojq µs/record\tclosures µs/record\ttimes")
	var sum cost
	for _, t := range all {
		pairs, err := compile(t, jq.Options{Strict: true})
		if err != nil {
			return err
		}
		compiled := 0
		for _, p := range pairs {
			if p.closures.Compiled() {
				compiled++
			} else if *list {
				fmt.Fprintf(os.Stderr, "%s %s: %s\n", t.name, p.place, p.closures.Reason())
			}
		}
		c, err := timeTopology(ctx, pairs, *rounds, *count, kinds)
		if err != nil {
			return err
		}
		sum.expressions += len(pairs)
		sum.compiled += compiled
		sum.gojq, sum.closures = sum.gojq+c.gojq, sum.closures+c.closures
		fmt.Fprintf(w, "%s\t%d\t%d\t%.2f\t%.2f\t%.1f\n", t.name, len(pairs), compiled, c.gojq/1e3, c.closures/1e3, c.gojq/c.closures)
	}
	fmt.Fprintf(w, "all\t%d\t%d\t%.2f\t%.2f\t%.1f\n\n", sum.expressions, sum.compiled, sum.gojq/1e3, sum.closures/1e3, sum.gojq/sum.closures)
	fmt.Fprintln(w, "kind\texpressions\t\tgojq ns\tclosures ns\ttimes")
	for _, k := range kindNames {
		if c := kinds[k]; c != nil {
			n := float64(c.expressions)
			fmt.Fprintf(w, "%s\t%d\t\t%.0f\t%.0f\t%.1f\n", k, c.expressions, c.gojq/n, c.closures/n, c.gojq/c.closures)
		}
	}
	return nil
}

// cost is nanoseconds by both sides.
type cost struct {
	expressions, compiled int
	gojq, closures        float64
}

// timeTopology times all expressions of a topology together, and each alone.
func timeTopology(ctx context.Context, pairs []pair, rounds, count int, kinds map[string]*cost) (cost, error) {
	m := &maker{Rand: rand.New(rand.NewPCG(1, 2))}
	inputs := map[string][]input{}
	for _, p := range pairs {
		for len(inputs[p.of]) < count {
			inputs[p.of] = append(inputs[p.of], newInput(m, p.of))
		}
	}
	var total cost
	for round := range rounds {
		if ctx.Err() != nil {
			return total, ctx.Err()
		}
		total.gojq = least(round, total.gojq, whole(pairs, inputs, byGojq))
		total.closures = least(round, total.closures, whole(pairs, inputs, byClosures()))
	}
	for _, p := range pairs {
		var c cost
		for round := range rounds {
			c.gojq = least(round, c.gojq, aloneByGojq(p, inputs[p.of]))
			c.closures = least(round, c.closures, aloneByClosures(p, inputs[p.of]))
		}
		kind := kindOf(p.source)
		if kinds[kind] == nil {
			kinds[kind] = &cost{}
		}
		k := kinds[kind]
		k.expressions++
		k.gojq, k.closures = k.gojq+c.gojq, k.closures+c.closures
	}
	return total, nil
}

func least(round int, before, now float64) float64 {
	if round == 0 {
		return now
	}
	return min(before, now)
}

// side evaluates the expressions of one kind of record on it.
type side func(pairs []pair, in *input)

// whole returns the time for a record of each kind.
func whole(pairs []pair, inputs map[string][]input, s side) float64 {
	byKind := map[string][]pair{}
	for _, p := range pairs {
		byKind[p.of] = append(byKind[p.of], p)
	}
	total := 0.0
	for of, group := range byKind {
		start := time.Now()
		for i := range inputs[of] {
			s(group, &inputs[of][i])
		}
		total += float64(time.Since(start).Nanoseconds()) / float64(len(inputs[of]))
	}
	return total
}

func byGojq(pairs []pair, in *input) {
	record, variables := in.decode()
	var out []byte
	for _, p := range pairs {
		out, _ = interpret(out[:0], p.code, record, variables)
	}
}

func byClosures() side {
	var e jq.Evaluator
	var out []byte
	return func(pairs []pair, in *input) {
		in.set(&e)
		for _, p := range pairs {
			out, _ = evaluate(out[:0], p.closures, &e)
		}
	}
}

// repeats is how often an expression is evaluated on a record alone.
const repeats = 20

func aloneByGojq(p pair, inputs []input) float64 {
	var out []byte
	var took time.Duration
	for i := range inputs[:min(len(inputs), 50)] {
		record, variables := inputs[i].decode()
		start := time.Now()
		for range repeats {
			out, _ = interpret(out[:0], p.code, record, variables)
		}
		took += time.Since(start)
	}
	return float64(took.Nanoseconds()) / float64(repeats*min(len(inputs), 50))
}

func aloneByClosures(p pair, inputs []input) float64 {
	var e jq.Evaluator
	var out []byte
	var took time.Duration
	for i := range inputs[:min(len(inputs), 50)] {
		inputs[i].set(&e)
		out, _ = evaluate(out[:0], p.closures, &e) // the scan
		start := time.Now()
		for range repeats {
			out, _ = evaluate(out[:0], p.closures, &e)
		}
		took += time.Since(start)
	}
	return float64(took.Nanoseconds()) / float64(repeats*min(len(inputs), 50))
}

var kindNames = []string{"path or constant", "text", "list or object", "condition", "arithmetic, //, if"}

// kindOf sorts expressions by what they cost.
func kindOf(source string) string {
	switch {
	case strings.Contains(source, `\(`):
		return "text"
	case strings.ContainsAny(source, "[{"):
		return "list or object"
	case strings.ContainsAny(source, "<>!=") || strings.Contains(source, " and "):
		return "condition"
	case strings.ContainsAny(source, "+*/|") || strings.Contains(source, "if "):
		return "arithmetic, //, if"
	}
	return "path or constant"
}
