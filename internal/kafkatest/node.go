package kafkatest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"inv/internal/kafka"
)

// startWithin bounds the start of an Apache Kafka, also on a busy machine and with
// logs to recover.
const startWithin = 90 * time.Second

// Node is a broker of Apache Kafka that a test can stop, kill and restart. It keeps
// its port and its data until the test ends.
type Node struct {
	t      testing.TB
	libs   string
	addr   string
	folder string
	cmd    *exec.Cmd
	ended  chan struct{} // closed when cmd has ended
}

// NewNode starts an Apache Kafka with further server properties; the first of its
// advertised.listeners is the test's own, without a password. It needs the jars
// that INV_KAFKA_LIBS names.
func NewNode(t testing.TB, properties map[string]string) *Node {
	t.Helper()
	all := map[string]string{
		"auto.create.topics.enable": "false", "group.initial.rebalance.delay.ms": "0",
		"offsets.topic.num.partitions": "5", "transaction.state.log.num.partitions": "5",
	}
	maps.Copy(all, properties)
	n := newNode(t, 1, FreeAddress(t), uuid(), all)
	n.Start()
	return n
}

// StartCluster starts n brokers of Apache Kafka, for what a single broker can't show:
// leaders that move, and brokers that die while others live. The first is also the
// controller. It takes several seconds on an idle machine.
func StartCluster(t testing.TB, n int) []*Node {
	t.Helper()
	nodes := make([]*Node, n)
	controller, id := FreeAddress(t), uuid()
	for i := range nodes {
		nodes[i] = newNode(t, i+1, controller, id, map[string]string{
			// The failure of a broker is noticed within seconds.
			"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500", "replica.lag.time.max.ms": "3000",
			"auto.leader.rebalance.enable": "false", "num.network.threads": "1", "num.io.threads": "2",
		})
		nodes[i].Start()
	}
	return nodes
}

// newNode configures a broker and formats its storage. Number 1 is also the controller.
func newNode(t testing.TB, number int, controller, cluster string, properties map[string]string) *Node {
	t.Helper()
	n := &Node{t: t, libs: jars(t), folder: t.TempDir()}
	address := "PLAINTEXT://" + FreeAddress(t)
	all := map[string]string{
		"node.id": strconv.Itoa(number), "process.roles": "broker", "controller.quorum.voters": "1@" + controller,
		"listeners": address, "advertised.listeners": address, "controller.listener.names": "CONTROLLER",
		"listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT", "log.dirs": n.file("data"),
		"offsets.topic.replication.factor": "1", "transaction.state.log.replication.factor": "1", "transaction.state.log.min.isr": "1",
	}
	if number == 1 {
		all["process.roles"], all["listeners"] = "broker,controller", address+",CONTROLLER://"+controller
	}
	maps.Copy(all, properties)
	_, n.addr, _ = strings.Cut(all["advertised.listeners"], "://")
	n.addr, _, _ = strings.Cut(n.addr, ",")
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&text, "%s=%s\n", key, all[key])
	}
	if err := os.WriteFile(n.file("server.properties"), []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	format := n.java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", n.file("server.properties"))
	if out, err := format.CombinedOutput(); err != nil {
		t.Fatalf("formatting the storage: %v\n%s", err, out)
	}
	t.Cleanup(n.Kill)
	return n
}

// jars returns the folder of Apache Kafka's jars that INV_KAFKA_LIBS names, as
// .ci/kafka sets it. Without it the test is skipped, or fails if INV_REQUIRE_KAFKA
// is set.
func jars(t testing.TB) string {
	t.Helper()
	libs := os.Getenv("INV_KAFKA_LIBS")
	if libs == "" {
		if os.Getenv("INV_REQUIRE_KAFKA") != "" {
			t.Fatal("INV_REQUIRE_KAFKA is set, but INV_KAFKA_LIBS names no folder of Apache Kafka's jars")
		}
		t.Skip("needs Apache Kafka's jars: .ci/kafka runs this test, or set INV_KAFKA_LIBS=FOLDER")
	}
	return libs
}

// uuid returns a UUID in Kafka's encoding.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[0] &= 0x7f           // or the text may begin with - as a flag does
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// FreeAddress returns a loopback address on which nothing listens.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (n *Node) file(name string) string { return filepath.Join(n.folder, name) }

func (n *Node) java(args ...string) *exec.Cmd {
	return exec.Command("java", append([]string{"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", filepath.Join(n.libs, "*")}, args...)...)
}

// Brokers returns the addresses for clients.
func (n *Node) Brokers() []string { return []string{n.addr} }

// PID returns the id of the current process.
func (n *Node) PID() int { return n.cmd.Process.Pid }

// Start starts the broker on its existing data and waits until it answers.
func (n *Node) Start() {
	n.t.Helper()
	log, err := os.OpenFile(n.file("server.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		n.t.Fatal(err)
	}
	defer log.Close()
	cmd, ended := n.java("kafka.Kafka", n.file("server.properties")), make(chan struct{})
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.cmd, n.ended = cmd, ended
	go func() { _ = cmd.Wait(); close(ended) }()
	Eventually(n.t, startWithin, "the broker answers", func() (bool, error) {
		select {
		case <-ended:
			out, _ := os.ReadFile(n.file("server.log"))
			n.t.Fatalf("the broker ended while it started:\n%s", out)
		default:
		}
		ctx, cancel := context.WithTimeout(n.t.Context(), time.Second)
		defer cancel()
		client, err := kafka.Connect(ctx, kafka.Config{Brokers: n.Brokers()})
		if err == nil {
			client.Close()
		}
		return err == nil, err
	})
}

// Kill kills the broker, if it runs, and waits for its end.
func (n *Node) Kill() {
	if n.cmd != nil {
		_ = n.cmd.Process.Kill() // it may have ended
		<-n.ended
	}
}

// Gone waits until the broker has ended.
func (n *Node) Gone(within time.Duration) {
	n.t.Helper()
	select {
	case <-n.ended:
	case <-time.After(within):
		n.t.Fatalf("the broker still runs after %s", within)
	}
}
