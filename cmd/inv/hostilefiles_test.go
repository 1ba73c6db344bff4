package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"inv/internal/kafkatest"
	"inv/scenarios"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/twmb/franz-go/pkg/kgo"
	"gopkg.in/yaml.v3"
)

// hostileFile writes a file of a hostile name.
func hostileFile(t *testing.T, contents []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), hostile+".yaml")
	if err := os.WriteFile(name, contents, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// scalars returns the names and values of a YAML document at places that are not in
// seen: after what they are there, and below what. Fields of records and of states have
// any name, so one of them is like the others.
func scalars(n *yaml.Node, seen map[string]bool) (all []*yaml.Node) {
	free := map[string]bool{"fields": true, "set": true, "let": true}
	var visit func(n *yaml.Node, above, place string, records bool)
	visit = func(n *yaml.Node, above, place string, records bool) {
		key := above + "." + place
		if records || free[above] {
			key = above + "." + strings.Repeat("a name", strings.Count(place, " as a name"))
		}
		if n.Kind == yaml.ScalarNode && !seen[key] {
			seen[key] = true
			all = append(all, n)
		}
		for i, c := range n.Content {
			switch {
			case n.Kind == yaml.MappingNode && i%2 == 0:
				visit(c, place, c.Value+" as a name", records)
			case n.Kind == yaml.MappingNode:
				name := n.Content[i-1].Value
				visit(c, place, name, records || above == "tests" && (name == "when" || name == "then"))
			default:
				visit(c, above, place, records)
			}
		}
	}
	visit(n, "", "", false)
	return all
}

// TestHostileScenarios makes each name and value of each shipped scenario hostile in
// turn. Whatever a command then says of the file is harmless.
func TestHostileScenarios(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, name := range shippedScenarios() {
		source, err := scenarios.Files.ReadFile(name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		var doc yaml.Node
		if err := yaml.Unmarshal(source, &doc); err != nil {
			t.Fatal(err)
		}
		places := scalars(&doc, seen)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var files []string
			folder := t.TempDir()
			for i, n := range places {
				before := *n
				n.Value, n.Tag, n.Style = n.Value+hostileText(), "!!str", yaml.DoubleQuotedStyle
				changed, err := yaml.Marshal(&doc)
				*n = before
				file := filepath.Join(folder, strconv.Itoa(i))
				if err := errors.Join(err, os.WriteFile(file, changed, 0o600)); err != nil {
					t.Fatal(err)
				}
				files = append(files, file)
			}
			shown := 0
			for some := range slices.Chunk(files, 50) { // a large scenario takes a while to check
				got := drive(t, patience, nil, append([]string{"scenarios", "validate"}, some...)...)
				shown += strings.Count(got.stdout, forged)
			}
			if shown == 0 {
				t.Error("no message names what is hostile")
			}
		})
	}
}

// TestHostileNames gives every alias, topic and producer of a scenario a hostile name,
// as far as its grammar allows it, and runs the commands that list these.
func TestHostileNames(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	source := strings.NewReplacer("H", hostileText()).Replace(`scenario: "H"
about: "H"
topics:
  "aH": {topic: "t", view: {columns: ["{H}"]}}
  "bH": {topic: "t2"}
producers:
  "pH":
    topic: "aH"
    rate: 100/s
    value: {"H": {one_of: ["H", "x H"]}}
    key: "H"
    headers: {"H": "H"}
`)
	source = escaped(source)
	file := hostileFile(t, []byte(source))
	for _, args := range [][]string{
		{"scenarios", "validate", file}, {"produce", "nosuch"}, {"produce"}, {"produce", "p" + hostileText(), "--count", "2", "--to", "stdout"}, {"produce", "p" + hostileText(), "--count", "2"},
		{"tail", "nosuch"}, {"tail", "a" + hostileText(), "--until", "end"}, {"topics", "create"}, {"topics", "create", "a"}, {"topics", "list"}, {"topics", "describe", "a" + hostileText()},
		{"process"}, {"process", "nosuch"}, {"verify"}, {"dlq", "list"}, {"dlq", "list", "a" + hostileText()}, {"dashboard", "--once"}, {"reset", "--dry-run"}, {"groups", "lag"},
		{"__complete", "produce", ""}, {"__complete", "tail", ""},
	} {
		drive(t, patience, []string{"INV_BROKERS=" + brokers[0], "INV_SCENARIO=" + file}, args...)
	}
}

// escaped returns a YAML document with what its quoted strings can't have as escapes.
func escaped(source string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.ReplaceAll(source, "\n"+forged, `\n`+forged), "\n") {
		for _, r := range line {
			if r < 0x20 || r > 0x7e {
				fmt.Fprintf(&b, `\u%04x`, r)
			} else {
				b.WriteRune(r)
			}
		}
		b.WriteByte('\n')
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// TestHostileProfiles has hostile names and values in inv.yaml and in the environment.
func TestHostileProfiles(t *testing.T) {
	text := escaped(hostileText())
	for _, source := range []string{
		`profiles: {"pH": {brokers: ["H"]}, "qH": {}}`, `{use: "H", profiles: {p: {}}}`, `profiles: {p: {"H": 1}}`, `profiles: {p: {sasl: {"H": 1}}}`, `profiles: {p: {properties: {"H": "H"}}}`,
		`profiles: {p: {tls: {ca: "H"}}}`, `profiles: {p: {schema_registry: {url: "H"}}}`, `profiles: {p: {brokers: ["${H}"]}}`, `"H": 1`, `"H`, "\x1b\x9b", `profiles: "H"`, `*H`,
		`{use: "pH", profiles: {"pH": {brokers: ["H:9092"]}}}`,
	} {
		file := hostileFile(t, []byte(strings.ReplaceAll(source, "H", text)))
		for _, args := range [][]string{
			{"config", "list"}, {"config", "list", "-o", "json"}, {"config", "show"}, {"config", "show", "p" + hostileText()}, {"config", "show", "nosuch"}, {"config", "use", hostile}, {"config", "use", "q" + hostileText()},
			{"topics", "list", "--profile", "nosuch"}, {"topics", "list", "--profile", hostile}, {"topics", "list", "--profile", "p"}, {"topics", "list"}, {"__complete", "config", "use", ""},
		} {
			drive(t, patience, []string{"INV_CONFIG=" + file}, args...)
		}
		drive(t, patience, []string{"INV_CONFIG=" + file, "INV_PROFILE=" + hostile}, "config", "use", "p"+hostileText())
	}
}

// TestHostileArguments gives each command a hostile argument, and each flag a hostile
// value, on the command line and in the environment.
func TestHostileArguments(t *testing.T) {
	t.Chdir(t.TempDir())
	brokers := kafkatest.Embedded(t)
	root, err := rootCommand((&streams{width: func() int { return 0 }}).gated(), &sharedFlags{getenv: os.Getenv})
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"INV_BROKERS=" + brokers[0]}
	// Most commands wait for what does not come, so that several do at once.
	var running sync.WaitGroup
	defer running.Wait()
	room := make(chan struct{}, testsPerProcessor*runtime.GOMAXPROCS(0))
	run := func(env []string, args ...string) {
		room <- struct{}{}
		running.Go(func() {
			drive(t, 200*time.Millisecond, env, args...)
			<-room
		})
	}
	each(root, func(cmd *cobra.Command) {
		path := strings.Fields(cmd.CommandPath())[1:]
		run(env, append(slices.Clone(path), hostile)...)
		run(env, append(slices.Clone(path), hostile, hostile)...)
		run(env, append(slices.Clone(path), "--"+hostile)...)
		run(env, append(slices.Clone(path), "-"+hostile)...)
		visit := func(f *pflag.Flag) {
			run(env, append(slices.Clone(path), "x", "--"+f.Name+"="+hostile)...)
			run(append(slices.Clone(env), environmentName(f.Name)+"="+hostile), append(slices.Clone(path), "x")...)
		}
		cmd.LocalNonPersistentFlags().VisitAll(visit)
		if cmd.Name() == "list" {
			cmd.InheritedFlags().VisitAll(visit)
		}
	})
}

// TestHostileRegistry has a registry that answers with hostile texts.
func TestHostileRegistry(t *testing.T) {
	brokers := kafkatest.Embedded(t)
	topic := kafkatest.Topic(t, brokers, "framed", 1)
	client := kafkatest.Client(t, brokers)
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte{0, 0, 0, 0, 1, 2}}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	quoted := escaped(hostileText())
	for _, status := range []int{200, 401, 404, 500} {
		for _, body := range []string{
			hostile, `{"error_code": 40403, "message": "H"}`, `{"schema": "H", "schemaType": "H", "subject": "H"}`, `{"schema": "\"H\""}`, `{"schema": "{\"type\":\"record\",\"name\":\"H\",\"fields\":[]}"}`,
			`{"schemaType": "PROTOBUF", "schema": "syntax = \"H\";"}`, `{"schemaType": "JSON", "schema": "H"}`, `{"schema": "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"H\"}]}"}`,
			`{"schema": "\"string\"", "references": [{"name": "H", "subject": "H", "version": 1}]}`,
		} {
			r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				fmt.Fprint(w, strings.ReplaceAll(body, "H", quoted))
			}))
			defer r.Close()
			for _, form := range []string{"json", "pretty"} {
				drive(t, patience, nil, "tail", topic, "--until", "end", "-o", form, "--brokers", brokers[0], "--registry", r.URL)
			}
		}
	}
	drive(t, patience, nil, "tail", topic, "--until", "end", "--brokers", brokers[0], "--registry", "http://"+hostile)
}
