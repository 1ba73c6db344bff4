package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"inv/internal/when"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// otherTools returns what inv has instead of a flag of kcat, kcl, rpk or Kafka's console
// tools, by its name without dashes.
func otherTools() map[string]string {
	const (
		topic     = "topics are arguments: inv tail TOPIC, inv produce --topic TOPIC"
		brokers   = "use --brokers (-b) HOST:PORT"
		format    = "use --format '%k %v\\n', or -o json"
		registry  = "use --registry URL"
		config    = "use a profile of inv.yaml, or -X NAME=VALUE"
		partition = "use --partition 0,2"
	)
	return map[string]string{
		"t": topic, "topic": topic, "topics": topic, "include": "use a pattern: inv tail 'order*'", "whitelist": "use a pattern: inv tail 'order*'",
		"bootstrap-server": brokers, "broker-list": brokers, "zookeeper": brokers,
		"C": "use inv tail TOPIC", "P": "use inv produce --topic TOPIC", "L": "use inv topics list, inv topics describe TOPIC",
		"G": "use inv tail TOPIC --group GROUP", "Q": "use inv topics describe TOPIC, inv tail TOPIC --since TIME",
		"c": "use --set KEY=VALUE", "e": "use --until end", "exit": "use --until end", "p": partition, "partitions": partition,
		"from-beginning": "use --offset start", "max-messages": "use --limit (-c) N", "num": "use --limit (-c) N",
		"timeout-ms": "use --idle 5s", "isolation-level": "committed records are read; --uncommitted shows the others, too",
		"J": "use -o json", "D": "records are lines, or use --envelope", "u": "output is unbuffered whenever no record is ready",
		"F": config, "consumer.config": config, "producer.config": config, "command-config": config,
		"consumer-property": config, "producer-property": config, "formatter": format, "s": registry, "r": registry,
		"parse.key": "use --key-separator (-K) SEPARATOR", "k": "use --key-separator (-K) with keys in the lines, or --envelope",
		"q": "notes are on stderr: 2>/dev/null", "Z": "use --envelope: a value of null is a tombstone",
		"list": "it is a command: inv topics list, inv groups list", "create": "it is a command: inv topics create TOPIC",
		"describe": "it is a command: inv topics describe TOPIC, inv groups describe GROUP",
		"delete":   "it is a command: inv topics delete TOPIC", "all-groups": "use inv groups lag GROUP…",
		"reset-offsets": "it is a command: inv groups reset GROUP --to start", "to-earliest": "use --to start",
		"to-latest": "use --to end", "to-offset": "use --to N", "to-datetime": "use --to TIME", "shift-by": "use --to -5, five before the end",
		"execute": "use --yes", "all-topics": "without --topic, all topics are reset",
	}
}

// otherCommands returns the command that is meant by one of another tool.
func otherCommands() map[string]string {
	const tail, produce, list = "inv tail", "inv produce", "inv topics list"
	return map[string]string{
		"inv consume": tail, "inv cat": tail, "inv read": tail, "inv watch": tail, "inv show": tail, "inv view": tail, "inv subscribe": tail, "inv consumer": tail,
		"inv send": produce, "inv generate": produce, "inv gen": produce, "inv publish": produce, "inv write": produce, "inv producer": produce, "inv load": produce,
		"inv list": list, "inv ls": list, "inv describe": "inv topics describe", "inv create": "inv topics create", "inv delete": "inv topics delete",
		"inv lag": "inv groups lag", "inv check": "inv verify", "inv audit": "inv verify", "inv validate": "inv scenarios validate", "inv run": "inv process", "inv start": "inv demo",
		"inv ui": "inv dashboard", "inv web": "inv dashboard", "inv server": "inv broker", "inv kafka": "inv broker", "inv deadletters": "inv dlq", "inv init": "inv scenarios show",
		"inv scenarios check": "inv scenarios validate", "inv scenarios lint": "inv scenarios validate", "inv test": "inv scenarios test", "inv explain": "inv scenarios explain", "inv scenarios describe": "inv scenarios explain", "inv scenarios graph": "inv scenarios explain", "inv scenarios get": "inv scenarios show", "inv scenarios cat": "inv scenarios show", "inv scenarios print": "inv scenarios show",
		"inv topics add": "inv topics create", "inv topics rm": "inv topics delete", "inv topics remove": "inv topics delete", "inv topics info": "inv topics describe", "inv topics get": "inv topics describe", "inv topics consume": tail, "inv topics produce": "inv produce --topic",
		"inv dlq retry": "inv dlq replay", "inv dlq get": "inv dlq show", "inv groups offsets": "inv groups lag",
	}
}

// otherFlags returns the flags that another tool's flag can mean, by its name without
// dashes; the command has one of them.
func otherFlags() map[string][]string {
	count := []string{"count", "last", "limit"}
	return map[string][]string{
		"n": count, "c": count, "N": count, "limit": count, "records": count, "num": count, "number": count, "num-records": count, "max-messages": count, "messages": count, "times": count,
		"tail": {"last"}, "lines": {"last"}, "head": {"limit"}, "from": {"offset"}, "start-offset": {"offset"}, "to-offset": {"until"}, "after": {"since"}, "before": {"until"},
		"duration": {"for", "idle"}, "time": {"for"}, "timeout": {"idle", "for"}, "throughput": {"rate"}, "tps": {"rate"}, "interval": {"rate"}, "speed": {"rate"},
		"file": {"to"}, "o": {"to"}, "output": {"to"}, "out": {"to"}, "format": {"output"}, "random-seed": {"seed"}, "threads": {"workers"}, "parallel": {"workers"}, "concurrency": {"workers"},
		"grep": {"filter"}, "where": {"filter"}, "query": {"filter"}, "jq": {"filter"}, "search": {"filter"}, "config-file": {"config"}, "cluster": {"profile"}, "server": {"brokers"}, "host": {"brokers"}, "port": {"listen"}, "addr": {"listen"}, "address": {"listen"}, "bind": {"listen"}, "broker": {"brokers"}, "bootstrap-servers": {"brokers"},
	}
}

// habit returns what to use instead of another tool's flag, "" for a command that has
// nothing like it.
func habit(cmd *cobra.Command, name string) string {
	instead := otherTools()[name]
	if name == "json" && cmd.Flags().Lookup("output") != nil {
		return "use --output (-o) json"
	}
	for _, flag := range otherFlags()[name] {
		if f := cmd.Flags().Lookup(flag); f != nil && !f.Hidden && !strings.HasPrefix(instead, "use --"+flag) && (instead == "" || flag == "count") {
			takes, _ := pflag.UnquoteUsage(f)
			return strings.TrimSpace("use --" + flag + " " + takes)
		}
	}
	switch has := cmd.Flags().Lookup; {
	case name == "r" && has("run") != nil:
		return "use --run EXPRESSION"
	case name == "topics" && has("topic") != nil:
		return "use --topic TOPIC"
	case name == "p" && has("partitions") != nil:
		return "use --partitions N"
	}
	if flag, ok := strings.CutPrefix(instead, "use --"); ok && !cmd.HasSubCommands() {
		flag, _, _ = strings.Cut(flag, " ")
		if cmd.Flags().Lookup(flag) == nil {
			return ""
		}
	}
	return instead
}

// badValue says what a flag takes if Go's parser refused its value, whose error is
// written for programmers.
func badValue(flags *pflag.FlagSet, err error) error {
	var invalid *pflag.InvalidValueError
	var number *strconv.NumError
	if !errors.As(err, &invalid) {
		return err
	}
	flag := invalid.GetFlag()
	if _, notOne := when.ParsePosition(invalid.GetValue(), time.Time{}, time.UTC); flag.Name == "output" && flags.Lookup("offset") != nil && notOne == nil {
		return fmt.Errorf("%w; where to begin is --offset %s", err, invalid.GetValue())
	}
	takes := map[string]string{
		"int": "a whole number", "int16": "a whole number", "int64": "a whole number", "uint": "a whole number, 0 or more", "uint64": "a whole number, 0 or more",
		"bool": "true or false",
	}[flag.Value.Type()]
	name := "--" + flag.Name
	if flag.Shorthand != "" {
		name = "-" + flag.Shorthand + ", " + name
	}
	if flag.Value.Type() == "duration" {
		return fmt.Errorf("%s: %w", name, errors.Unwrap(invalid))
	}
	if takes == "" {
		return err
	}
	if errors.As(err, &number) && errors.Is(number.Err, strconv.ErrRange) {
		takes += ", and this one is too large"
	}
	if flag.Name == "last" && invalid.GetValue() == "all" {
		return fmt.Errorf("%s takes %s, not %q; --offset start is from the first record on", name, takes, invalid.GetValue())
	}
	if digits := longNumber(invalid.GetValue()); digits != "" && number != nil && !errors.Is(number.Err, strconv.ErrRange) {
		return fmt.Errorf("%s takes %s, not %q; write %s", name, takes, invalid.GetValue(), digits)
	}
	return fmt.Errorf("%s takes %s, not %q", name, takes, invalid.GetValue())
}
