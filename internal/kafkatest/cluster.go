package kafkatest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Cluster is an Apache Kafka of several brokers on this machine, for what one
// broker can't show: leaders that move, and brokers that die while others live.
type Cluster struct {
	libs      string
	dir       string
	addresses []string // by broker, from 1 on
	processes []*exec.Cmd
}

// StartCluster starts n brokers of Apache Kafka from the jars that
// INV_KAFKA_LIBS names; they end with the test. Broker 1
// is the controller, too. It takes some 5 seconds on an idle machine.
func StartCluster(t testing.TB, n int) *Cluster {
	t.Helper()
	c := &Cluster{libs: jars(t), dir: t.TempDir(), addresses: make([]string, n), processes: make([]*exec.Cmd, n)}
	t.Cleanup(func() {
		for i := range c.processes {
			c.Kill(i + 1)
		}
	})
	controller := FreeAddress(t)
	id := uuid()
	for i := range n {
		c.addresses[i] = FreeAddress(t)
		c.configure(t, i+1, id, controller)
	}
	for i := range n {
		c.Start(t, i+1)
	}
	return c
}

// Addresses returns those of all brokers.
func (c *Cluster) Addresses() []string { return c.addresses }

func (c *Cluster) file(node int, name string) string {
	return filepath.Join(c.dir, fmt.Sprint(node), name)
}

// configure writes a broker's properties and formats its storage.
func (c *Cluster) configure(t testing.TB, node int, id, controller string) {
	t.Helper()
	data := c.file(node, "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		t.Fatal(err)
	}
	address := c.addresses[node-1]
	properties := []string{
		fmt.Sprintf("node.id=%d", node), "controller.quorum.voters=1@" + controller, "log.dirs=" + data,
		"advertised.listeners=PLAINTEXT://" + address, "controller.listener.names=CONTROLLER",
		"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"offsets.topic.replication.factor=1", "transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1",
		// A broker that is killed is noticed within seconds, not tens of them.
		"broker.session.timeout.ms=3000", "broker.heartbeat.interval.ms=500", "replica.lag.time.max.ms=3000",
		"auto.leader.rebalance.enable=false", "num.network.threads=1", "num.io.threads=2",
	}
	if node == 1 {
		properties = append(properties, "process.roles=broker,controller", "listeners=PLAINTEXT://"+address+",CONTROLLER://"+controller)
	} else {
		properties = append(properties, "process.roles=broker", "listeners=PLAINTEXT://"+address)
	}
	write(t, c.file(node, "server.properties"), strings.Join(properties, "\n")+"\n")
	if node > 1 { // all that formatting writes for a broker, without another JVM
		write(t, filepath.Join(data, "meta.properties"), fmt.Sprintf("version=1\ncluster.id=%s\nnode.id=%d\ndirectory.id=%s\n", id, node, uuid()))
		return
	}
	format := c.java("-Xmx128m", "kafka.tools.StorageTool", "format", "-t", id, "-c", c.file(node, "server.properties"))
	if out, err := format.CombinedOutput(); err != nil {
		t.Fatalf("formatting the storage: %v\n%s", err, out)
	}
}

func write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (c *Cluster) java(args ...string) *exec.Cmd {
	return exec.Command("java", append([]string{"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", filepath.Join(c.libs, "*")}, args...)...)
}

// Start starts a broker, for the first time or again, and waits until it
// listens.
func (c *Cluster) Start(t testing.TB, node int) {
	t.Helper()
	var log bytes.Buffer
	cmd := c.java("-Xmx400m", "kafka.Kafka", c.file(node, "server.properties"))
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.processes[node-1] = cmd
	Eventually(t, time.Minute, fmt.Sprintf("broker %d listens", node), func() (bool, error) {
		conn, err := net.Dial("tcp", c.addresses[node-1])
		if err != nil {
			return false, err
		}
		return true, conn.Close()
	})
}

// Kill ends a broker at once, if it runs.
func (c *Cluster) Kill(node int) {
	if cmd := c.processes[node-1]; cmd != nil {
		_ = cmd.Process.Kill() // it may have ended by itself
		_ = cmd.Wait()         // by a signal, which is meant
		c.processes[node-1] = nil
	}
}
