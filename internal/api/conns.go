package api

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// Limits bound the connections of a listener.
type Limits struct {
	// Connections is how many there may be at once. 0 means three quarters of the
	// files that the process may have open, and DefaultConnections at most.
	Connections int
	// PerAddress is how many of them may be with one address, of IPv6 with one
	// network of 64 bits. 0 means half of Connections: a proxy has one address.
	PerAddress int
	// Silent is how many of those of one address may not have sent a whole request
	// yet; for each one more, the oldest is closed. 0 means DefaultSilent.
	Silent int
}

const (
	// DefaultConnections is above the streams that a replica has room for.
	DefaultConnections = 48_000
	// DefaultSilent is above what a burst of new clients has for a moment.
	DefaultSilent = 1_000
)

func (l Limits) withDefaults() Limits {
	if l.Connections == 0 {
		l.Connections = DefaultConnections
		if files := openFiles(); files > 0 {
			l.Connections = min(l.Connections, files*3/4)
		}
	}
	if l.PerAddress == 0 {
		l.PerAddress = max(1, l.Connections/2)
	}
	l.Silent = orDefault(l.Silent, DefaultSilent)
	return l
}

func (l Limits) guard(inner net.Listener) *guard {
	return &guard{Listener: inner, limits: l.withDefaults(), peers: map[netip.Prefix]*peer{}}
}

// A guard is a listener that keeps count. Whoever connects and says nothing is
// the first to go when there are too many, so that whoever asks at once is let in
// however many others do not.
type guard struct {
	net.Listener
	limits Limits

	mu     sync.Mutex // guards what follows, and every peer
	open   int
	peers  map[netip.Prefix]*peer
	silent list.List // of *conn that have sent no request, the oldest first
}

// peer is an address with its connections.
type peer struct {
	open   int
	silent list.List // as above
}

// Accept waits for a connection that there is room for. Those for which there is
// none are closed.
func (g *guard) Accept() (net.Conn, error) {
	for {
		raw, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := g.admit(raw); c != nil {
			return c, nil
		}
		_ = raw.Close() // nothing was said on it
	}
}

// admit takes a connection up, closing an older silent one if that makes room;
// nil if there is none.
func (g *guard) admit(raw net.Conn) *conn {
	from := networkOf(raw.RemoteAddr().String())
	g.mu.Lock()
	p := g.peers[from]
	if p == nil {
		p = &peer{}
		g.peers[from] = p
	}
	var evicted *conn
	switch {
	case p.silent.Len() >= g.limits.Silent, p.open >= g.limits.PerAddress:
		evicted = oldest(&p.silent)
	case g.open >= g.limits.Connections:
		evicted = oldest(&g.silent)
	}
	if evicted != nil {
		g.forget(evicted)
	}
	var c *conn
	if g.open < g.limits.Connections && p.open < g.limits.PerAddress {
		c = &conn{Conn: raw, guard: g, peer: p, from: from}
		c.waiting.Store(true)
		c.inAll, c.inPeer = g.silent.PushBack(c), p.silent.PushBack(c)
		g.open, p.open = g.open+1, p.open+1
		g.peers[from] = p // it may have been forgotten with its last one
	} else if p.open == 0 {
		delete(g.peers, from)
	}
	g.mu.Unlock()
	if evicted != nil {
		_ = evicted.Conn.Close() // whoever said nothing is told nothing
	}
	return c
}

func oldest(l *list.List) *conn {
	if l.Len() == 0 {
		return nil
	}
	return l.Front().Value.(*conn)
}

// forget no longer counts a connection. It is called with mu held, and does
// nothing the second time.
func (g *guard) forget(c *conn) {
	if c.gone {
		return
	}
	c.gone = true
	g.unwait(c)
	g.open--
	if c.peer.open--; c.peer.open == 0 {
		delete(g.peers, c.from)
	}
}

// unwait takes a connection off the lists of the silent, with mu held.
func (g *guard) unwait(c *conn) {
	if c.inAll == nil {
		return
	}
	g.silent.Remove(c.inAll)
	c.peer.silent.Remove(c.inPeer)
	c.inAll, c.inPeer = nil, nil
}

// conn is a connection that is counted.
type conn struct {
	net.Conn
	guard   *guard
	peer    *peer
	from    netip.Prefix
	waiting atomic.Bool // for its first request

	inAll, inPeer *list.Element // guarded by guard.mu, as is the next
	gone          bool
}

// heard notes that a whole request came over the connection.
func (c *conn) heard() {
	if !c.waiting.Load() || !c.waiting.CompareAndSwap(true, false) {
		return
	}
	c.guard.mu.Lock()
	defer c.guard.mu.Unlock()
	c.guard.unwait(c)
}

// Close gives its place back.
func (c *conn) Close() error {
	c.guard.mu.Lock()
	c.guard.forget(c)
	c.guard.mu.Unlock()
	return c.Conn.Close()
}
