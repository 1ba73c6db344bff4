package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"inv/internal/broker"
	"inv/internal/kafka"
	"inv/internal/kafkatest"
	"inv/internal/registry/server"
	"inv/scenarios"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kadm"
)

// TestMain lets scripts run inv as a program: the test binary under that name. Tests wait
// for brokers and for each other's processes more than they compute, so that several for
// each processor run at once, unless -parallel says otherwise.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", strconv.Itoa(testsPerProcessor*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"inv": main})
}

// TestScripts runs testdata/script, each script with an embedded broker of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, scriptParams("testdata/script", embedded))
}

// TestScriptsOnKafka runs testdata/script/both against Apache Kafka.
func TestScriptsOnKafka(t *testing.T) {
	brokers := kafkatest.Brokers(t)
	testscript.Run(t, scriptParams("testdata/script/both", func(env *testscript.Env) ([]string, error) {
		env.Defer(func() { removeApp(brokers, env.Getenv("APP")) })
		return brokers, nil
	}))
}

// removeApp removes what a script left on a shared cluster. Errors are ignored: the
// names are the script's own.
func removeApp(brokers []string, app string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	client, err := kafka.Connect(ctx, kafka.Config{Brokers: brokers})
	if err != nil {
		return
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if topics, err := admin.ListTopics(ctx); err == nil {
		own := slices.DeleteFunc(topics.Names(), func(name string) bool { return !strings.HasPrefix(name, app) })
		_, _ = admin.DeleteTopics(ctx, own...)
	}
	if groups, err := admin.ListGroups(ctx); err == nil {
		own := slices.DeleteFunc(groups.Groups(), func(name string) bool { return !strings.HasPrefix(name, app) })
		_, _ = admin.DeleteGroups(ctx, own...)
	}
}

// TestScriptsOnBoth runs testdata/script/both against an embedded broker.
func TestScriptsOnBoth(t *testing.T) {
	testscript.Run(t, scriptParams("testdata/script/both", embedded))
}

func embedded(env *testscript.Env) ([]string, error) {
	b, err := broker.Start(broker.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		return nil, err
	}
	env.Defer(b.Close)
	return []string{b.Addr()}, nil
}

// scriptParams gives scripts a broker and a scenario of their own. In a script:
//
//	$BROKER             the broker's address, which inv uses unless told otherwise
//	$FREE               a local address on which nothing listens
//	$REGISTRY           the URL of a schema registry of its own, which inv does not use
//	                    unless told
//	$APP                the application id, also in INV_APP_ID
//	$ORDERS and so on   the topic of each alias of the scenario
//	code N inv ARG…     runs inv and wants exit code N
//	pipe N inv ARG…     runs `inv ARG… | head -N` and wants both to succeed
//	listening ADDRESS   waits until something listens on ADDRESS
//	lines N FILE        wants N lines in a file, which may be stdout
//	eventually inv ARG… -- TEXT   runs inv until its stdout has the text
//	receiver FILE [CODE TEXT]     has what $RECEIVER gets written to a file, a line per
//	                              request; those with the text are refused with the code
func scriptParams(dir string, start func(*testscript.Env) ([]string, error)) testscript.Params {
	return testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			brokers, err := start(env)
			if err != nil {
				return err
			}
			free, err := freeAddress()
			if err != nil {
				return err
			}
			env.Setenv("BROKER", strings.Join(brokers, ","))
			env.Setenv("INV_BROKERS", strings.Join(brokers, ","))
			env.Setenv("FREE", free)
			registry := httptest.NewServer(server.New())
			env.Defer(registry.Close)
			env.Setenv("REGISTRY", registry.URL)
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "no-config"))
			addReceiver(env)
			return ownScenario(env)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":       codeCmd,
			"pipe":       pipeCmd,
			"listening":  listeningCmd,
			"lines":      linesCmd,
			"eventually": eventuallyCmd,
			"receiver":   receiverCmd,
		},
	}
}

// ownScenario writes the inventory scenario with unique topics, so that scripts can
// share a cluster.
func ownScenario(env *testscript.Env) error {
	source, err := scenarios.Files.ReadFile("inventory.yaml")
	if err != nil {
		return err
	}
	app := "inv-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	for alias, topic := range map[string]string{
		"CATALOG": "product_catalog", "ORDERS": "order_events", "UPDATES": "inventory_updates",
		"REORDERS": "reorder_events", "ALERTS": "inventory_alerts", "RECEIPTS": "stock_receipts",
	} {
		own := app + "." + topic
		source = bytes.ReplaceAll(source, []byte("topic: "+topic+"\n"), []byte("topic: "+own+"\n"))
		env.Setenv(alias, own)
	}
	env.Setenv("APP", app)
	env.Setenv("INV_APP_ID", app)
	file := filepath.Join(env.WorkDir, "own.yaml")
	env.Setenv("INV_SCENARIO", file)
	return os.WriteFile(file, source, 0o644)
}

func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

func codeCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N PROGRAM ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got, err := 0, ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func pipeCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: pipe N PROGRAM ARG…")
	}
	script := `set -o pipefail; n=$1; shift; "$@" | head -n "$n"`
	ts.Check(ts.Exec("timeout", append([]string{"30", "bash", "-c", script, "pipe"}, args...)...))
}

func listeningCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: listening ADDRESS")
	}
	err := waitFor(30*time.Second, func() error {
		conn, err := net.DialTimeout("tcp", args[0], time.Second)
		if err == nil {
			conn.Close()
		}
		return err
	})
	ts.Check(err)
}

func linesCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines N FILE")
	}
	if got := strings.Count(ts.ReadFile(args[1]), "\n"); strconv.Itoa(got) != args[0] {
		ts.Fatalf("%s has %d lines, want %s", args[1], got, args[0])
	}
}

func eventuallyCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || args[len(args)-2] != "--" {
		ts.Fatalf("usage: eventually PROGRAM ARG… -- TEXT")
	}
	program, want := args[:len(args)-2], args[len(args)-1]
	ts.Check(waitFor(30*time.Second, func() error {
		err := ts.Exec(program[0], program[1:]...)
		if out := ts.ReadFile("stdout"); !strings.Contains(out, want) {
			return fmt.Errorf("no %q in its output (%v):\n%s", want, err, out)
		}
		return nil
	}))
}

func waitFor(within time.Duration, condition func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := condition()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %w", within, err)
		case <-tick.C:
		}
	}
}
