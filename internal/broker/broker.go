// Package broker is the embedded Kafka broker: one node in this process, for
// looking at things and for tests. It is franz-go's kfake with the settings
// that make it hold what inv promises:
//
//   - topics are only created explicitly; auto-created ones would vanish when
//     the process is killed
//   - nothing is compacted and nothing expires: kfake's compaction ignores open
//     transactions. Package kafka knows the broker by its cluster id and leaves
//     cleanup.policy=compact out there
//   - aborted records stay hidden from read_committed, whatever a response's
//     size limit: see wholeResponses
//   - it listens on the loopback interface unless it is told otherwise, since
//     it asks nobody for a password
package broker

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"strconv"
	"syscall"

	"inv/internal/kafka"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxMessageBytes is the largest record batch, 8 MiB: a value above the
// processor's limit can still be sent, to be dead-lettered.
const maxMessageBytes = 8 << 20

// Errors of Start that it wraps.
var (
	ErrPortInUse = errors.New("the port is in use") // something listens there
	ErrAddress   = errors.New("no such address")    // Listen or Advertise can't be right
	// ErrNoAdvertise is for an address that clients can't be sent to, without
	// another one to advertise.
	ErrNoAdvertise = errors.New("no address to send clients to")
	ErrDataInUse   = errors.New("another broker has the data folder")
)

// Options say how the broker is reached and what it keeps.
type Options struct {
	Listen    string // HOST:PORT; port 0 takes a free one
	Advertise string // HOST:PORT that clients are sent to; "": the address listened on
	DataDir   string // where topics outlive the process; "": in memory
	Log       func(message string)
}

// Broker is a running one.
type Broker struct {
	cluster *kfake.Cluster
	addr    string
	lock    io.Closer
}

// Start listens and, with a DataDir, loads what an earlier broker left there.
// The caller closes the Broker.
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
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID(kafka.EmbeddedClusterID),
		kfake.BrokerConfigs(map[string]string{
			"message.max.bytes":          strconv.Itoa(maxMessageBytes),
			"default.replication.factor": "1",
			"log.retention.ms":           "-1",
			"log.retention.bytes":        "-1",
		}),
		kfake.ListenFn(func(string, string) (net.Listener, error) { used = true; return ln, nil }),
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
	cluster.ControlKey(int16(kmsg.Fetch), wholeResponses)
	cluster.ControlKey(int16(kmsg.CreateTopics), func(request kmsg.Request) (kmsg.Response, error, bool) {
		return refuseTopics(cluster, request)
	})
	return &Broker{cluster, ln.Addr().String(), lock}, nil
}

// wholeResponses lifts the limit on a whole fetch response, so that only those
// on its partitions are left. Where kfake cuts a response in the middle of a
// partition it forgets to name that partition's aborted transactions, and a
// read_committed consumer takes their records for committed.
func wholeResponses(request kmsg.Request) (kmsg.Response, error, bool) {
	if fetch, ok := request.(*kmsg.FetchRequest); ok {
		fetch.MaxBytes = math.MaxInt32
	}
	return nil, nil, false
}

// Addr returns the HOST:PORT for clients.
func (b *Broker) Addr() string { return b.addr }

// Close stops listening, ends the connections and, with a DataDir, writes what
// is not on disk yet.
func (b *Broker) Close() {
	b.cluster.Close()
	b.lock.Close()
}

func listen(o Options) (net.Listener, error) {
	host, port, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return nil, fmt.Errorf("%w to listen on: %q; it is HOST:PORT, such as 127.0.0.1:9092", ErrAddress, o.Listen)
	}
	if ip := net.ParseIP(host); o.Advertise == "" && (host == "" || ip != nil && ip.IsUnspecified()) {
		return nil, fmt.Errorf("%w: %w: %s is every interface", ErrAddress, ErrNoAdvertise, o.Listen)
	}
	ln, err := net.Listen("tcp", o.Listen)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%w: %s", ErrPortInUse, net.JoinHostPort(host, port))
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("listening on %s: %w; ports below 1024 are the system's", o.Listen, err)
	case err != nil:
		return nil, fmt.Errorf("listening on %s: %w", o.Listen, err)
	}
	if o.Advertise == "" {
		return ln, nil
	}
	if _, _, err := net.SplitHostPort(o.Advertise); err != nil {
		ln.Close()
		return nil, fmt.Errorf("%w to advertise: %q; it is HOST:PORT", ErrAddress, o.Advertise)
	}
	return advertised{ln, address(o.Advertise)}, nil
}

// advertised is a listener that is advertised to clients under another address: kfake
// puts its listener's into metadata.
type advertised struct {
	net.Listener
	addr address
}

func (a advertised) Addr() net.Addr { return a.addr }

type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

// logger passes on what a person can act on.
type logger func(string)

func (l logger) Logf(level kfake.LogLevel, format string, args ...any) {
	if level <= kfake.LogLevelWarn {
		l(fmt.Sprintf(format, args...))
	}
}
