package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"inv/cmd/bench/measure"
)

// connectTable is what Debezium's sink makes of a value in a field of its own, but for
// jsonb, which it can't fill from a text. It is created before, since its tasks run into
// each other when they create it.
const connectTable = `CREATE TABLE connect (__connect_topic text NOT NULL, __connect_partition int NOT NULL, __connect_offset bigint NOT NULL, value text,
	PRIMARY KEY (__connect_topic, __connect_partition, __connect_offset))`

const connectWorker = `bootstrap.servers=%s
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.storage.StringConverter
offset.storage.file.filename=%s/offsets
listeners=http://127.0.0.1:%d
plugin.path=%s
plugin.discovery=service_load
consumer.isolation.level=read_committed
consumer.auto.offset.reset=earliest
consumer.max.poll.records=3000
`

const connectSink = `name=bench-%d-%d
connector.class=io.debezium.connector.jdbc.JdbcSinkConnector
tasks.max=6
topics=%s
connection.url=jdbc:postgresql://127.0.0.1:%d/postgres
connection.username=postgres
connection.password=postgres
insert.mode=insert
primary.key.mode=kafka
schema.evolution=none
collection.name.format=connect
batch.size=3000
transforms=hoist
transforms.hoist.type=org.apache.kafka.connect.transforms.HoistField$Value
transforms.hoist.field=value
`

// fetchConnect gets the jars by Maven.
func (b *bench) fetchConnect(ctx context.Context) error {
	return measure.Run(ctx, "mvn", "-q", "-B", "-f", "cmd/bench/forward/connect/pom.xml", "dependency:copy-dependencies", "-DoutputDirectory="+b.jars())
}

func (b *bench) jars() string { return filepath.Join(b.folder, "jars") }

// connect runs Kafka Connect until all rows are there. The time is from the first rows on,
// without the seconds that Java takes to start, which inv's time includes.
func (s *postgresServer) connect(ctx context.Context, round int) (u measure.Usage, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return u, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	folder := s.b.folder
	worker, sink := filepath.Join(folder, "worker.properties"), filepath.Join(folder, "sink.properties")
	if err := errors.Join(l.Close(),
		os.WriteFile(worker, fmt.Appendf(nil, connectWorker, s.b.brokers, folder, port, s.b.jars()), 0o600),
		os.WriteFile(sink, fmt.Appendf(nil, connectSink, os.Getpid(), round, topic, s.port), 0o600)); err != nil {
		return u, err
	}
	if _, err := s.psql(ctx, connectTable); err != nil {
		return u, err
	}
	log, err := os.Create(filepath.Join(folder, "connect.log"))
	if err != nil {
		return u, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	c := exec.CommandContext(ctx, "java", "-Xmx1g", "-cp", s.b.jars()+"/*", "org.apache.kafka.connect.cli.ConnectStandalone", worker, sink)
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		return u, err
	}
	defer func() {
		_ = c.Process.Kill() // it has nothing more to do
		_ = c.Wait()
	}()
	begun, first, had := time.Now(), time.Time{}, 0
	for {
		text, err := s.psql(ctx, "SELECT coalesce(max(n_tup_ins), 0) FROM pg_stat_user_tables WHERE relname = 'connect'")
		if err != nil {
			return u, err
		}
		rows, err := strconv.Atoi(text)
		if err != nil {
			return u, err
		}
		now := time.Now()
		if rows > 0 && first.IsZero() {
			first, had = now, rows
		}
		if rows >= s.b.updates {
			if had > rows/2 {
				return u, fmt.Errorf("%d of %d rows came at once: measure with more updates", had, rows)
			}
			u.Seconds = now.Sub(first).Seconds() * float64(rows) / float64(rows-had)
			u.CPU, u.RSS = measure.CPU(c.Process.Pid).Seconds(), float64(measure.PeakMemory(c.Process.Pid))
			return u, nil
		}
		if now.Sub(begun) > 10*time.Minute {
			return u, fmt.Errorf("%d rows after %v", rows, now.Sub(begun).Round(time.Second))
		}
		select {
		case <-ctx.Done():
			return u, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}
