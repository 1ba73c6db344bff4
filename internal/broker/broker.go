// Package broker runs the embedded Kafka broker: a single node in this process, for
// demos, development and tests. It is franz-go's kfake with these differences:
//
//   - topics are only created explicitly; auto-created ones would vanish when
//     the process is killed
//   - nothing is compacted: kfake's compaction ignores open transactions. Old records
//     expire only where a topic says so, see keeper
//   - aborted records stay hidden from read_committed, see wholeResponses
//   - what Apache Kafka refuses is refused, in its words, see gate
//   - members that were killed while joining a group are removed, see reaper
package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxMessageBytes is the largest record batch of a topic that doesn't set its own, as
// in Apache Kafka.
const maxMessageBytes = 1<<20 + 12

// segmentBytes is the size of a segment, which is in memory while a data folder is read.
const segmentBytes = 8 << 20

// Errors that Start wraps.
var (
	ErrPortInUse = errors.New("the port is in use")
	ErrAddress   = errors.New("invalid address") // Listen or Advertise
	// ErrNoAdvertise is returned for every interface without Advertise: clients can't
	// connect to that.
	ErrNoAdvertise = errors.New("no address to advertise")
	ErrDataInUse   = errors.New("another broker uses the data folder")
)

// Options configure a broker. There is no authentication: an address other than
// loopback is open to anyone.
type Options struct {
	Listen    string // HOST:PORT; port 0 chooses a free one
	Advertise string // HOST:PORT for clients; "": Listen
	DataDir   string // where topics survive restarts; "": in memory
	Log       func(message string)
}

// Broker is a running broker.
type Broker struct {
	cluster *kfake.Cluster
	addr    string
	lock    io.Closer
	stopOwn func()
}

// Start starts a broker on the topics in DataDir, if set. The caller closes it.
func Start(o Options) (*Broker, error) {
	ln, err := listen(o)
	if err != nil {
		return nil, err
	}
	var lock io.Closer = io.NopCloser(nil)
	if o.DataDir != "" {
		if lock, err = lockData(o.DataDir); err != nil {
			ln.Close()
			return nil, err
		}
	}
	used := false
	conns := &connections{addrs: map[string]int{}}
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID(kafka.EmbeddedClusterID),
		kfake.BrokerConfigs(settings()),
		kfake.ListenFn(func(string, string) (net.Listener, error) { used = true; return conns.listener(ln), nil }),
	}
	if o.DataDir != "" {
		opts = append(opts, kfake.DataDir(o.DataDir))
	}
	if o.Log != nil {
		opts = append(opts, kfake.WithLogger(logger(o.Log)))
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		if !used {
			ln.Close()
		}
		lock.Close()
		if o.DataDir != "" {
			err = fmt.Errorf("starting on the data in %s: %w", o.DataDir, err)
		}
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	control(cluster, kmsg.Fetch, wholeResponses)
	(&gate{cluster}).watch()
	b := &Broker{cluster: cluster, addr: ln.Addr().String(), lock: lock}
	if b.stopOwn, err = startOwn(cluster, conns, ownAddress(ln), o.Log); err != nil {
		cluster.Close()
		lock.Close()
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	return b, nil
}

// startOwn starts what the broker does of its own accord, and returns what ends it.
func startOwn(cluster *kfake.Cluster, conns *connections, addr string, log func(string)) (stop func(), err error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.Dialer(func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, addr) // not the advertised one
	}))
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = func(string) {}
	}
	reaper := &reaper{cluster: cluster, conns: conns, client: client, groups: map[string]*watched{}}
	reaper.watch()
	keeper := &keeper{cluster, client, log}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { reaper.work(ctx) })
	running.Go(func() { keeper.work(ctx) })
	return func() {
		cancel()
		running.Wait()
		client.Close()
	}, nil
}

// settings returns the broker's settings. A folder's own don't change them.
func settings() map[string]string {
	return map[string]string{
		"message.max.bytes":          strconv.Itoa(maxMessageBytes),
		"default.replication.factor": "1",
		"log.retention.ms":           "-1",
		"log.retention.bytes":        "-1",
		"log.segment.bytes":          strconv.Itoa(segmentBytes),
		"log.cleaner.backoff.ms":     strconv.FormatInt(never, 10),
	}
}

// never is about a hundred years, in milliseconds: when kfake's cleaner begins, which
// compacts and applies retention.
const never = 3_000_000_000_000

// wholeResponses lifts the size limit of a whole fetch response; those of its
// partitions remain. Where a response ends within a partition, kfake omits the
// partition's aborted transactions, and a read_committed consumer would return their
// records.
func wholeResponses(request kmsg.Request) (kmsg.Response, error) {
	if fetch, ok := request.(*kmsg.FetchRequest); ok {
		fetch.MaxBytes = math.MaxInt32
	}
	return nil, nil
}

// Addr returns the HOST:PORT for clients.
func (b *Broker) Addr() string { return b.addr }

// Close stops the broker and, with a DataDir, writes what is not on disk yet.
func (b *Broker) Close() {
	b.stopOwn()
	b.cluster.Close()
	b.lock.Close()
}

func listen(o Options) (net.Listener, error) {
	host, port, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return nil, fmt.Errorf("%w to listen on: %q; use HOST:PORT, such as 127.0.0.1:9092", ErrAddress, o.Listen)
	}
	if ip := net.ParseIP(host); o.Advertise == "" && (host == "" || ip != nil && ip.IsUnspecified()) {
		return nil, fmt.Errorf("%w: %w: %s is every interface", ErrAddress, ErrNoAdvertise, o.Listen)
	}
	ln, err := net.Listen("tcp", o.Listen)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%w: %s", ErrPortInUse, net.JoinHostPort(host, port))
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("listening on %s: %w; ports below 1024 are reserved for the system", o.Listen, err)
	case err != nil:
		return nil, fmt.Errorf("listening on %s: %w", o.Listen, err)
	}
	if o.Advertise == "" {
		return ln, nil
	}
	if _, _, err := net.SplitHostPort(o.Advertise); err != nil {
		ln.Close()
		return nil, fmt.Errorf("%w to advertise: %q; use HOST:PORT", ErrAddress, o.Advertise)
	}
	return advertised{ln, address(o.Advertise)}, nil
}

// advertised is a listener with another address: kfake returns its listener's address
// in metadata.
type advertised struct {
	net.Listener
	addr address
}

func (a advertised) Addr() net.Addr { return a.addr }

// ownAddress returns where this process reaches a listener.
func ownAddress(ln net.Listener) string {
	if a, ok := ln.(advertised); ok {
		ln = a.Listener
	}
	addr := ln.Addr().String()
	if tcp, ok := ln.Addr().(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	return addr
}

type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

// logger logs what is wrong with the broker and its data. What kfake says of late
// group members is left out: that is a client stopped or killed, and nothing to mend.
type logger func(string)

func (l logger) Logf(level kfake.LogLevel, format string, args ...any) {
	ofMember := strings.HasPrefix(format, "consumer") || strings.HasPrefix(format, "OffsetCommit")
	if level <= kfake.LogLevelWarn && !ofMember {
		l(fmt.Sprintf(format, args...))
	}
}
