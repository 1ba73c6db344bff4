package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"inv/internal/kafkatest"
	"inv/internal/registry/registrytest"

	"github.com/twmb/franz-go/pkg/kadm"
)

// block is a shell block of a page, with the reason before it if it is not run, or a file
// that the reader is told to write.
type block struct {
	code    string
	skipped bool
	reason  string
	file    string // its name; "": a shell block
	from    string // the file's top-level key that it replaces with what follows; "": all
}

// shown matches the beginning of such a block: `sh`, or `yaml file=NAME from=KEY`, or
// `json file=NAME`.
var shown = regexp.MustCompile("```(?:sh|(?:yaml|json) file=(\\S+)(?: from=(\\S+))?)\n")

var notRun = regexp.MustCompile(`^<!-- not run:?(.*)-->$`)

func blocksOf(page string) (blocks []block) {
	for {
		at := shown.FindStringSubmatchIndex(page)
		if at == nil {
			return blocks
		}
		before := page[:at[0]]
		code, after, _ := strings.Cut(page[at[1]:], "```")
		b := block{code: code}
		if at[2] >= 0 {
			b.file = page[at[2]:at[3]]
		}
		if at[4] >= 0 {
			b.from = page[at[4]:at[5]]
		}
		lines := strings.Split(strings.TrimRight(before, "\n"), "\n")
		if m := notRun.FindStringSubmatch(lines[len(lines)-1]); m != nil {
			b.skipped, b.reason = true, strings.TrimSpace(m[1])
		}
		blocks, page = append(blocks, b), after
	}
}

// endless reports whether a command line runs until it is stopped.
func endless(line string) bool {
	line, _, _ = strings.Cut(line, "#")
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(line, w) {
				return true
			}
		}
		return false
	}
	switch {
	case strings.HasPrefix(line, "inv process"):
		return !has("--drain", "--from")
	case strings.HasPrefix(line, "inv forward"):
		return !has("--drain", "--dry-run", "--check")
	case strings.HasPrefix(line, "inv tail"):
		return !has("--until", "--expect", " -c ", "--limit", "..")
	case strings.HasPrefix(line, "inv produce"):
		return !has("--count", "--for", "--topic", "&&")
	}
	return strings.HasPrefix(line, "inv broker") && !has("inv brokers") || strings.HasPrefix(line, "inv dashboard")
}

// README's blocks work as printed, in order: each line runs in a shell, with another
// broker, and endless commands are stopped. The test binary is on the path as inv,
// see TestMain.
func TestREADMECanBePasted(t *testing.T) {
	t.Parallel()
	lines := linesOf(t, "../../README.md")
	if len(lines) < 25 {
		t.Errorf("only %d lines to run; is the search still right?", len(lines))
	}
	pastePage(t, "../../README.md", lines, "")
}

// So do those of the pages for users, each on a broker where the system has run.
func TestDocsCanBePasted(t *testing.T) {
	t.Parallel()
	var pages []string
	for _, pattern := range []string{"../../docs/*.md", "../../docs/*/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	others := []string{"docs/dev/", "docs/commands.md", "docs/from-kcat.md"} // for developers; generated; with a test of its own
	total := 0
	for _, page := range pages {
		if slices.ContainsFunc(others, func(o string) bool { return strings.Contains(page, o) }) {
			continue
		}
		if lines := linesOf(t, page); len(lines) > 0 {
			total += len(lines)
			t.Run(strings.TrimPrefix(page, "../../docs/"), func(t *testing.T) {
				t.Parallel()
				pastePage(t, page, lines, "inv produce catalog && inv produce orders --count 300 --rate max --seed 1 && inv process --drain")
			})
		}
	}
	if total < 40 {
		t.Errorf("only %d lines to run; is the search still right?", total)
	}
}

// linesOf returns the command lines of a page's blocks, but for those that are not run.
func linesOf(t *testing.T, page string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocksOf(string(text)) {
		if b.file != "" {
			lines = append(lines, b.writing())
			continue
		}
		if b.skipped {
			if b.reason == "" {
				t.Errorf("%s: no reason why this is not run:\n%s", page, b.code)
			}
			continue
		}
		for _, line := range strings.Split(strings.ReplaceAll(b.code, "\\\n", " "), "\n") {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// writing is the shell line that does with a file what the reader is told to do.
func (b *block) writing() string {
	to := "cat > " + b.file
	if b.from != "" { // drop the key and what follows, and append
		to = fmt.Sprintf("sed -i.old '/^%s:/,$d' %s && cat >> %s", b.from, b.file, b.file)
	}
	return to + " <<'END'\n" + b.code + "END"
}

// pastePage types a page's lines, after one to prepare.
func pastePage(t *testing.T, page string, lines []string, prepare string) {
	t.Helper()
	dir, brokers := t.TempDir(), kafkatest.Embedded(t)
	env := append(os.Environ(), "INV_BROKERS="+strings.Join(brokers, ","), "INV_LISTEN=127.0.0.1:0", "INV_YES=true",
		"INV_LEAD_TIME=100ms") // so that a drain need not wait for receipts
	if prepare != "" {
		typeLine(t, dir, env, prepare)
		commitFor(t, brokers, "audit")
	}
	if strings.HasSuffix(page, "encodings.md") {
		env = append(env, "INV_REGISTRY="+registrytest.New(t).URL)
	}
	writeExampleOf(t, page, dir)
	for _, line := range lines {
		typeLine(t, dir, env, line)
	}
}

// writeExampleOf writes the inv.yaml that a page shows, if it shows one.
func writeExampleOf(t *testing.T, page, dir string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if _, yaml, ok := strings.Cut(string(text), "```yaml\nuse: "); ok {
		yaml, _, _ = strings.Cut("use: "+yaml, "```")
		if err := os.WriteFile(filepath.Join(dir, "inv.yaml"), []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// commitFor makes a consumer group of another program, which has read one order.
func commitFor(t *testing.T, brokers []string, group string) {
	t.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset("order_events", 0, 1, -1)
	if err := kadm.NewClient(kafkatest.Client(t, brokers)).CommitAllOffsets(t.Context(), group, offsets); err != nil {
		t.Fatal(err)
	}
}

// readmeRuns is how long an endless command runs; lineEnds is when another one has
// failed to end. A line takes a few seconds, on a busy machine several times as long.
const (
	readmeRuns = time.Second
	lineEnds   = 3 * time.Minute
)

func typeLine(t *testing.T, dir string, env []string, line string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), lineEnds)
	defer cancel()
	if _, err := exec.LookPath("jq"); err != nil {
		line, _, _ = strings.Cut(line, "| jq") // a machine with only Go has none
	}
	runsOn := endless(line)
	if runsOn {
		line = "exec " + line // so that the signal reaches inv
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.WaitDelay = time.Second // of a pipe that a child holds
	var out bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if runsOn {
		stop := time.AfterFunc(readmeRuns, func() { _ = cmd.Process.Signal(syscall.SIGINT) })
		defer stop.Stop()
	}
	began := time.Now()
	err := cmd.Wait()
	first, _, _ := strings.Cut(line, "\n")
	t.Logf("%5.1f s: %s", time.Since(began).Seconds(), first)
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	stopped := cmd.ProcessState.ExitCode() == 130 || status.Signal() == syscall.SIGINT // in the middle, or before it began
	if err != nil && !(runsOn && stopped) {
		t.Errorf("%s\n%v\n%s", line, err, out.String())
	}
}
