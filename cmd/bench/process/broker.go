package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"inv/cmd/bench/measure"
)

// startBroker formats and starts one node of Apache Kafka on free ports.
func (l *lab) startBroker(ctx context.Context) error {
	port, controller, err := freePorts()
	if err != nil {
		return err
	}
	l.brokers = fmt.Sprintf("127.0.0.1:%d", port)
	properties := filepath.Join(l.dir, "server.properties")
	text := fmt.Sprintf(`process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]d
listeners=PLAINTEXT://127.0.0.1:%[1]d,CONTROLLER://127.0.0.1:%[2]d
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]d
controller.listener.names=CONTROLLER
log.dirs=%[3]s
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.segment.delete.delay.ms=1000
`, port, controller, filepath.Join(l.dir, "data"))
	if err := os.WriteFile(properties, []byte(text), 0o644); err != nil {
		return err
	}
	cp := l.libs + "/*"
	var id bytes.Buffer
	random := exec.CommandContext(ctx, "java", "-cp", cp, "kafka.tools.StorageTool", "random-uuid")
	random.Stdout = &id
	if err := random.Run(); err != nil {
		return fmt.Errorf("asking for a cluster id: %w", err)
	}
	lines := bytes.Fields(id.Bytes())
	if len(lines) == 0 {
		return fmt.Errorf("the storage tool gave no cluster id")
	}
	if err := measure.Run(ctx, "java", "-cp", cp, "kafka.tools.StorageTool", "format", "-t", string(lines[len(lines)-1]), "-c", properties); err != nil {
		return err
	}
	l.broker, err = l.start("broker", nil, "java", "-Xms"+l.heap, "-Xmx"+l.heap, "-cp", cp, "kafka.Kafka", properties)
	if err != nil {
		return err
	}
	for range 300 {
		if conn, err := net.Dial("tcp", l.brokers); err == nil {
			return conn.Close()
		}
		if err := l.broker.running(); err != nil {
			return err
		}
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("the broker did not open %s", l.brokers)
}

// freePorts finds two ports that nobody listens on.
func freePorts() (a, b int, err error) {
	var ports [2]int
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, 0, err
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports[0], ports[1], nil
}
