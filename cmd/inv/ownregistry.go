package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"syscall"
	"time"

	"inv/internal/registry/server"
)

// registryAddress is where the demo's registry listens if the port is free, as registries
// do by default.
const registryAddress = "127.0.0.1:8081"

// registryFile is the file of the registry in the data folder of the broker.
const registryFile = "schemas.json"

// errRegistryPort is that something listens already where a registry is to.
var errRegistryPort = errors.New("the port is in use")

// serveRegistry serves a schema registry until stop is called. dir is the folder in which
// it survives restarts, which the caller has locked; "": it is in memory.
func serveRegistry(listen, dir string) (url string, stop func(), err error) {
	registry := server.New()
	if dir != "" {
		if registry, err = server.Open(filepath.Join(dir, registryFile)); err != nil {
			return "", nil, err
		}
	}
	ln, err := net.Listen("tcp", listen)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "", nil, fmt.Errorf("the schema registry on %s: %w", listen, errRegistryPort)
	case err != nil:
		return "", nil, usagef("--registry-listen %s: %w", listen, err)
	}
	s := &http.Server{
		Handler:           http.NewCrossOriginProtection().Handler(registry), // a page of another site changes nothing
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Serve(ln) // ends with Shutdown
	}()
	return "http://" + ln.Addr().String(), func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if s.Shutdown(ctx) != nil {
			_ = s.Close() // a client that does not end its request
		}
		<-ended
	}, nil
}
