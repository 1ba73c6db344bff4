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
	"strings"
	"syscall"
	"testing"
	"time"

	"inv/internal/kafka"
)

// startWithin is how long an Apache Kafka may take to answer, also on a busy
// machine and with logs to recover.
const startWithin = 90 * time.Second

// Node is an Apache Kafka of one test's own, which the test may stop, kill and
// start again: it keeps its port and its data until the test ends.
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
	n := &Node{t: t, libs: jars(t), folder: t.TempDir()}
	address, controller := FreeAddress(t), FreeAddress(t)
	all := map[string]string{
		"process.roles": "broker,controller", "node.id": "1", "controller.quorum.voters": "1@" + controller,
		"listeners": "PLAINTEXT://" + address + ",CONTROLLER://" + controller, "advertised.listeners": "PLAINTEXT://" + address,
		"controller.listener.names": "CONTROLLER", "log.dirs": filepath.Join(n.folder, "data"), "auto.create.topics.enable": "false",
		"offsets.topic.replication.factor": "1", "offsets.topic.num.partitions": "5",
		"transaction.state.log.replication.factor": "1", "transaction.state.log.min.isr": "1", "transaction.state.log.num.partitions": "5",
		"group.initial.rebalance.delay.ms": "0",
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
	format := n.java("kafka.tools.StorageTool", "format", "-t", uuid(), "-c", n.file("server.properties"))
	if out, err := format.CombinedOutput(); err != nil {
		t.Fatalf("formatting the storage: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if n.cmd != nil {
			n.Signal(syscall.SIGKILL)
			<-n.ended
		}
	})
	n.Start()
	return n
}

// jars returns the folder of Apache Kafka's jars that INV_KAFKA_LIBS names, as
// .ci/kafka sets it. Without it the test is skipped, or fails if
// INV_REQUIRE_KAFKA is set.
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

// uuid returns one as Kafka writes them.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[0] &= 0x7f           // or the text might begin as a flag does
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// FreeAddress returns a port of the loopback interface at which nobody listens.
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
	return exec.Command("java", append([]string{"-Xms256m", "-Xmx512m", "-cp", filepath.Join(n.libs, "*")}, args...)...)
}

// Brokers returns the addresses for clients.
func (n *Node) Brokers() []string { return []string{n.addr} }

// PID returns the process that runs now.
func (n *Node) PID() int { return n.cmd.Process.Pid }

// Start runs the broker, on what an earlier run has left, and waits until it
// answers.
func (n *Node) Start() {
	n.t.Helper()
	log, err := os.OpenFile(n.file("server.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		n.t.Fatal(err)
	}
	defer log.Close()
	n.cmd = n.java("kafka.Kafka", n.file("server.properties"))
	n.cmd.Stdout, n.cmd.Stderr = log, log
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	ended := make(chan struct{})
	n.ended = ended
	cmd := n.cmd
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

// Signal sends the broker a signal, and Gone waits until it has ended.
func (n *Node) Signal(sig syscall.Signal) { _ = n.cmd.Process.Signal(sig) }

// Gone waits until a signal has ended the broker.
func (n *Node) Gone(within time.Duration) {
	n.t.Helper()
	select {
	case <-n.ended:
	case <-time.After(within):
		n.t.Fatalf("the broker still runs after %s", within)
	}
}
