package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// connections is how many a store has at most. More would not write faster, and
	// servers have a hundred for everybody.
	connections = 4
	// idleTime is how long a connection is kept without use: firewalls forget silent
	// ones, and what is sent over them then goes nowhere.
	idleTime = time.Minute
)

// pool is the connections of a store.
type pool struct {
	config *pgconn.Config
	now    func() time.Time
	slots  chan struct{} // one element per connection that is in use

	mu   sync.Mutex
	idle []idleConn
}

type idleConn struct {
	conn  *pgconn.PgConn
	since time.Time
}

func newPool(config *pgconn.Config, now func() time.Time) *pool {
	return &pool{config: config, now: now, slots: make(chan struct{}, connections)}
}

// acquire returns a connection, which the caller releases; used reports whether it is an old
// one. fresh asks for a new one.
func (p *pool) acquire(ctx context.Context, fresh bool) (conn *pgconn.PgConn, used bool, err error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
	conn = p.takeIdle(fresh)
	if conn != nil {
		return conn, true, nil
	}
	conn, err = pgconn.ConnectConfig(ctx, p.config)
	if err != nil {
		<-p.slots
		return nil, false, err
	}
	return conn, false, nil
}

// takeIdle returns an idle connection, if there is one and fresh isn't set, and closes those
// that have been idle for too long, or one if fresh is set: it might be in the same state
// as the one that broke, and its place is needed.
func (p *pool) takeIdle(fresh bool) *pgconn.PgConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		last := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if !fresh && !last.conn.IsClosed() && p.now().Sub(last.since) < idleTime {
			return last.conn
		}
		closeConn(last.conn)
	}
	return nil
}

// release gives a connection back. One that is in a transaction, or broken, is closed.
func (p *pool) release(conn *pgconn.PgConn) {
	if conn.IsClosed() || conn.TxStatus() != 'I' {
		closeConn(conn)
	} else {
		p.mu.Lock()
		p.idle = append(p.idle, idleConn{conn, p.now()})
		p.mu.Unlock()
	}
	<-p.slots
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		closeConn(c.conn)
	}
	p.idle = nil
}

// closeConn closes a connection. That of a server that doesn't answer is closed all the
// same, so the error says nothing.
func closeConn(conn *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}
