package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"

	"inv/internal/httpguard"
	"inv/internal/kafka"
	"inv/processor/metrics"

	"github.com/spf13/pflag"
)

// metricsFlags are the flags of commands that serve Prometheus metrics.
type metricsFlags struct {
	address, token string
	hosts          []string
}

func (m *metricsFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&m.address, "metrics", "", "serve Prometheus metrics, /healthz and /readyz on `HOST:PORT`")
	flags.StringVar(&m.token, "metrics-token", "", "the `TOKEN` that /metrics then requires, as Authorization: Bearer")
	flags.StringSliceVar(&m.hosts, "metrics-allow-host", nil, "another host `NAME` by which /metrics is read; localhost, IP addresses and this machine's name always are")
}

// check checks the flags.
func (m *metricsFlags) check() error {
	if _, _, err := net.SplitHostPort(m.address); m.address != "" && err != nil {
		return usagef("--metrics %q: it is HOST:PORT, such as 127.0.0.1:9464", m.address)
	}
	return nil
}

// serve serves a server's metrics, and the lag of groups, until stop is called.
func (m *metricsFlags) serve(ctx context.Context, server *metrics.Server, c kafka.Config, groups []string, log *slog.Logger) (stop func(), err error) {
	l, err := net.Listen("tcp", m.address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("--metrics: the port is in use: %s; --metrics 127.0.0.1:0 takes a free one", m.address)
	}
	if err != nil {
		return nil, fmt.Errorf("--metrics: %w", err)
	}
	server.Access = m.access()
	log.Info("metrics", "url", "http://"+l.Addr().String()+"/metrics")
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(ctx, l, c, groups, log); err != nil {
			log.Error("serving metrics", "error", err)
		}
	}()
	return func() { cancel(); <-done }, nil
}

func (m *metricsFlags) access() metrics.Access {
	access := metricsHints()
	access.Token = m.token
	access.Hosts = append(httpguard.LocalNames(m.address), m.hosts...)
	return access
}
