package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
`, port, controller, l.data())
	if err := os.WriteFile(properties, []byte(text), 0o644); err != nil {
		return err
	}
	cp := l.libs + "/*"
	id, err := exec.CommandContext(ctx, "java", "-cp", cp, "kafka.tools.StorageTool", "random-uuid").Output()
	if err != nil {
		return fmt.Errorf("asking for a cluster ID: %w", err)
	}
	words := strings.Fields(string(id))
	if len(words) == 0 {
		return errors.New("the storage tool printed no cluster ID")
	}
	if err := measure.Run(ctx, "java", "-cp", cp, "kafka.tools.StorageTool", "format", "-t", words[len(words)-1], "-c", properties); err != nil {
		return err
	}
	l.broker, err = l.start("broker", "java", "-Xms"+l.heap, "-Xmx"+l.heap, "-cp", cp, "kafka.Kafka", properties)
	if err != nil {
		return err
	}
	return l.broker.await(ctx, 200*time.Millisecond, time.Minute, func() (bool, error) {
		conn, err := net.Dial("tcp", l.brokers)
		if err != nil {
			return false, nil //nolint:nilerr // not yet
		}
		return true, conn.Close()
	})
}

// freePorts finds two free ports.
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
