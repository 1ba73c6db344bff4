package broker

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// reaper removes group members whose process was killed while it waited for its
// JoinGroup response. kfake starts a member's session timeout when the response is
// delivered, which never happens here, so that the member would stay: nobody reads its
// partitions, and if it is the leader, the others wait for its assignment until the
// rebalance timeout. Kafka starts the timeout in any case.
type reaper struct {
	cluster *kfake.Cluster
	conns   *connections
	client  *kgo.Client

	mu     sync.Mutex
	groups map[string]*watched
}

// watched is a group that members have joined since the broker started.
type watched struct {
	joining map[string]bool // ids of members whose last request was JoinGroup
	epoch   int32           // latest generation
	since   time.Time       // when its rebalance was first seen complete
}

const (
	reapEvery = 500 * time.Millisecond
	silentFor = 2 * time.Second // live members send SyncGroup as soon as they have the response
)

// watch has the reaper see what members send.
func (u *reaper) watch() {
	for _, key := range []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.LeaveGroup} {
		control(u.cluster, key, u.observe)
	}
}

func (u *reaper) work(ctx context.Context) {
	tick := time.NewTicker(reapEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			u.round(ctx, now)
		}
	}
}

// observe records which members are waiting for a rebalance. It leaves the request to
// the broker.
func (u *reaper) observe(request kmsg.Request) (kmsg.Response, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	note := func(group, member string, joining bool) {
		w := u.groups[group]
		switch {
		case member == "":
		case w != nil && !joining:
			delete(w.joining, member)
		case joining:
			if w == nil {
				w = &watched{joining: map[string]bool{}}
				u.groups[group] = w
			}
			w.joining[member] = true
		}
	}
	switch r := request.(type) {
	case *kmsg.JoinGroupRequest:
		note(r.Group, r.MemberID, true)
	case *kmsg.SyncGroupRequest:
		note(r.Group, r.MemberID, false)
	case *kmsg.HeartbeatRequest:
		note(r.Group, r.MemberID, false)
	case *kmsg.LeaveGroupRequest:
		for _, m := range r.Members {
			note(r.Group, m.MemberID, false)
		}
	}
	return nil, nil
}

// round checks the groups with members that have sent nothing since they joined.
func (u *reaper) round(ctx context.Context, now time.Time) {
	u.mu.Lock()
	var names []string
	for name, w := range u.groups {
		if len(w.joining) > 0 {
			names = append(names, name)
		} else {
			delete(u.groups, name)
		}
	}
	u.mu.Unlock()
	for _, name := range names {
		if dead := u.dead(name, u.cluster.GroupInfo(name), now); len(dead) > 0 {
			u.remove(ctx, name, dead)
		}
	}
}

// dead returns the members of a group that can't have received their JoinGroup
// response: their connection is closed, and the rebalance is complete.
func (u *reaper) dead(name string, info *kfake.GroupInfo, now time.Time) (dead []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	w := u.groups[name]
	if info == nil || w == nil {
		delete(u.groups, name)
		return nil
	}
	waiting := info.State == "PreparingRebalance"
	if waiting || w.epoch != info.Epoch || w.since.IsZero() {
		if w.epoch, w.since = info.Epoch, now; waiting {
			w.since = time.Time{}
		}
		return nil
	}
	there := map[string]bool{}
	for _, m := range info.Members {
		there[m.MemberID] = true
		if w.joining[m.MemberID] && !u.conns.open(m.ClientHost) && now.Sub(w.since) >= silentFor {
			dead = append(dead, m.MemberID)
		}
	}
	for member := range w.joining {
		if !there[member] {
			delete(w.joining, member)
		}
	}
	return dead
}

// remove removes members from a group. The next round retries what fails.
func (u *reaper) remove(ctx context.Context, group string, members []string) {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group = group
	for _, id := range members {
		m := kmsg.NewLeaveGroupRequestMember()
		m.MemberID = id
		req.Members = append(req.Members, m)
	}
	_, _ = req.RequestWith(ctx, u.client)
}

// connections counts a listener's open connections by remote address.
type connections struct {
	mu    sync.Mutex
	addrs map[string]int
}

// listener returns ln with its connections counted in c.
func (c *connections) listener(ln net.Listener) net.Listener { return &countedListener{ln, c} }

func (c *connections) add(addr string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.addrs[addr] += n; c.addrs[addr] == 0 {
		delete(c.addrs, addr)
	}
}

func (c *connections) open(addr string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addrs[addr] > 0
}

type countedListener struct {
	net.Listener
	conns *connections
}

func (l *countedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	addr := conn.RemoteAddr().String()
	l.conns.add(addr, 1)
	return &countedConn{Conn: conn, closed: sync.OnceFunc(func() { l.conns.add(addr, -1) })}, nil
}

type countedConn struct {
	net.Conn
	closed func()
}

// Close closes the connection.
func (c *countedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}
