package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/quorate/quorate/internal/fault"
	"github.com/quorate/quorate/internal/kv"
)

const (
	// maxBatch is how many leaves go into one transaction: 40 tiles of level 0
	// take about 1 MiB of the 1.5 MiB that etcd allows.
	maxBatch = 40 * tileWidth
	settle   = 20 * time.Millisecond // leaves that come together share a checkpoint
	restTime = time.Second           // between two checkpoints: each rewrites three tiles in the store
	watchful = 5 * time.Second       // how often the count is compared while nothing comes
	patience = 3 * time.Second       // how long the feed may lag behind the count
	retry    = time.Second           // after a term of office that failed
	resign   = 15 * time.Second      // after one that can only fail again
)

// sequence holds the office again and again until ctx ends.
func (l *Log) sequence(ctx context.Context) {
	for ctx.Err() == nil {
		err := l.term(ctx)
		l.metrics.inOffice.Set(0)
		wait := retry
		if err != nil && ctx.Err() == nil {
			wait = l.complain(err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// complain says what ended a term, and how long to wait before the next. What
// speaks of a broken record stays visible until it is mended.
func (l *Log) complain(err error) time.Duration {
	f := fault.From(err)
	switch f.Kind {
	case fault.Refused, fault.Invalid, fault.Internal:
		l.sequencing.report(l.cfg.Logger, "the record cannot be continued", f)
		return resign
	}
	l.cfg.Logger.Info("the record is taken up again", "code", f.Code, "error", f, "detail", f.Detail)
	return retry
}

// A sequencer is one term of office: everything it knows it has read from the
// store since it was elected, and it is thrown away at the first error. It
// belongs to one goroutine.
type sequencer struct {
	*Log
	office *kv.Office
	feed   *feed
	at     int64 // revision of the head in the store
	head   head
	edge   *edge
	order  tile // the keys and revisions of the last tile of level 0, not yet full
	top    Checkpoint
	topKey ed25519.PublicKey // signed it
	lagged time.Time         // since when the feed is behind the count; zero if it is not
}

// term waits for the office, holds it and works until something fails.
func (l *Log) term(ctx context.Context) error {
	if l.store.Incarnation().ID == "" {
		if err := l.store.Identify(ctx); err != nil {
			return err
		}
	}
	if err := l.mayHold(ctx); err != nil {
		return err
	}
	o, err := l.store.Campaign(ctx, office, l.cfg.Who)
	if err != nil {
		return err
	}
	defer o.Resign()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the feed
	go func() {
		select {
		case <-o.Lost(): // whatever we wait for, the work is no longer ours
			cancel()
		case <-ctx.Done():
		}
	}()
	s := &sequencer{Log: l, office: o}
	if err := s.takeOver(ctx); err != nil {
		return err
	}
	l.metrics.inOffice.Set(1)
	l.sequencing.Store(nil)
	return s.work(ctx)
}

// mayHold refuses a replica that has another key than the one that signs: it
// leaves the office to those who have it.
func (l *Log) mayHold(ctx context.Context) error {
	h, err := readHead(l.store.View(ctx))
	switch {
	case err != nil || !h.Exists() || bytes.Equal(h.Value.Key, l.publicKey()):
		return err
	case l.isNext(h.Value.Key):
		return l.promote()
	}
	return fault.New(fault.Invalid, "another_audit_key", "the record of this store is signed with the key %s, and this server has %s: it leaves the record to others",
		KeyID(h.Value.Key), KeyID(l.publicKey())).
		Do("copy the file %s from the data directory of the server that has it, or restore it from your copy", KeyFile)
}

// takeOver reads where the tree stands and signs it if the last holder did not.
func (s *sequencer) takeOver(ctx context.Context) error {
	if err := s.mayHold(ctx); err != nil { // it may have been founded while we waited
		return err
	}
	if err := s.readHead(ctx); err != nil {
		return err
	}
	if err := s.readEdge(ctx); err != nil {
		return err
	}
	var err error
	if s.feed, err = startFeed(ctx, s.store, s.head); err != nil {
		return err
	}
	if err := s.sign(ctx); err != nil {
		return err
	}
	turn, err := s.turn(ctx)
	if err != nil {
		return err
	}
	return s.succeed(ctx, turn)
}

func (s *sequencer) readHead(ctx context.Context) error {
	rec, err := readHead(s.store.View(ctx))
	if err != nil {
		return err
	}
	s.at, s.head = rec.Revision, rec.Value
	origin := originOf(s.store.Incarnation())
	if s.head.Origin == origin {
		return nil
	}
	if life, _, _ := strings.Cut(strings.TrimPrefix(origin, "quorate/"), "/"); rec.Exists() && s.head.Origin != "quorate/"+life && !strings.HasPrefix(s.head.Origin, "quorate/"+life+"/") {
		return fault.New(fault.Refused, "another_store", "the record in the store is %s, and the store is %s", s.head.Origin, origin).
			Do("somebody wrote to the store behind the servers: compare it with a backup")
	}
	next := s.head
	next.Origin = origin
	if !rec.Exists() { // the first head of a store
		next.Key = s.publicKey()
		next.Root, _ = tlog.TreeHash(0, nil)
	}
	return s.move(ctx, next, nil, nil)
}

// move commits a new head. After an error nothing is known of the store, and the
// term ends.
func (s *sequencer) move(ctx context.Context, next head, batch map[tileID]tile, first map[int]int64) error {
	at, err := write(ctx, s.store, s.office, s.at, next, batch, first)
	if err != nil {
		return err
	}
	if at != 0 { // 0: it was so already
		s.at = at
	}
	s.head = next
	return nil
}

// readEdge reads the tiles that are not full and holds them against the head.
func (s *sequencer) readEdge(ctx context.Context) error {
	s.edge, s.order = &edge{size: s.head.Size}, tile{}
	tx := s.store.View(ctx)
	for level := 0; tileHeight*level < 63 && s.head.Size>>(tileHeight*level) > 0; level++ {
		s.edge.rows = append(s.edge.rows, nil)
		width := rowWidth(s.head.Size, level)
		if width == 0 {
			continue
		}
		t, err := kv.Get(tx, tileKey(level, tileIndex(s.head.Size, level)))
		if err != nil {
			return err
		}
		row := unpack(t.Value.Hashes)
		if len(row) != width {
			return s.damaged()
		}
		s.edge.rows[level] = row
		if level == 0 {
			s.order = t.Value
		}
	}
	if s.edge.root() != s.head.Root || len(s.order.Keys) != rowWidth(s.head.Size, 0) {
		return s.damaged()
	}
	return nil
}

func (s *sequencer) damaged() error {
	return fault.New(fault.Refused, "tree_damaged", "the tiles in the store do not give the root of the record's head, at %d entries", s.head.Size).
		Do("somebody wrote to the store behind the servers: compare it with a backup")
}

// work sequences what comes, signs, and removes what is sealed.
func (s *sequencer) work(ctx context.Context) error {
	tick := time.NewTicker(watchful)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.feed.wake:
			if !pause(ctx, settle) {
				return nil
			}
		case <-tick.C:
			s.feed.ring()
			if err := s.unload(ctx); err != nil {
				return err
			}
		}
		before := s.head.Size
		if err := s.pass(ctx); err != nil {
			return err
		}
		if s.head.Size > before && !pause(ctx, s.rest) {
			return nil
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// pass puts everything that waits in the tree, if it is certain that it is
// everything: a leaf can never be put before one that is in the tree.
func (s *sequencer) pass(ctx context.Context) error {
	waiting, err := s.feed.waiting()
	if err != nil {
		return err
	}
	n, err := s.certain(ctx, waiting)
	if err != nil || n == 0 {
		return err
	}
	turn, err := s.turn(ctx) // after it is known which leaves there are: it was written with one of them
	if err != nil {
		return err
	}
	for done := 0; done < n; {
		batch := cutAfter(cut(waiting[done:n]), turn.Revision)
		if err := s.commit(ctx, batch); err != nil {
			return err
		}
		if err := s.sign(ctx); err != nil {
			return err
		}
		if err := s.succeed(ctx, turn); err != nil {
			return err
		}
		done += len(batch)
		s.feed.done(len(batch))
	}
	return nil
}

// certain is how many of the leaves that wait, from the first, may be put in the
// tree. The store itself says how many leaves there were at the newest one's
// revision: if the feed has brought as many, it has brought all of them, and
// every later one has a higher revision.
func (s *sequencer) certain(ctx context.Context, waiting []pendingLeaf) (int, error) {
	at := int64(0)
	if len(waiting) > 0 { // removals change the count, and the head with it: never count before it
		at = max(s.at, waiting[len(waiting)-1].revision)
	}
	have, _, err := s.store.Count(ctx, Prefix, at)
	if err != nil {
		return 0, err
	}
	want := s.head.Size - s.head.Removed + int64(len(waiting))
	switch {
	case have < want:
		return 0, s.less(ctx, want, have)
	case have == want:
		s.lagged = time.Time{}
		return len(waiting), nil
	}
	now := s.cfg.Now()
	if s.lagged.IsZero() {
		s.lagged = now
	}
	if now.Sub(s.lagged) > patience {
		return 0, fault.New(fault.StoreUnavailable, "feed_lost", "the store has %d leaves that the feed did not bring", have-want).Do("they are listed")
	}
	s.feed.ring() // they are on their way
	return 0, nil
}

// less tells a hole in the store from a holder that has been replaced, whose
// successor has removed leaves.
func (s *sequencer) less(ctx context.Context, want, have int64) error {
	if err := standsAt(s.store.View(ctx), s.at); err != nil {
		return err
	}
	return hole(want, have)
}

// cut takes a batch off the front. Leaves of one revision stay together, so that
// the head's Last says exactly which leaves are in the tree.
func cut(waiting []pendingLeaf) []pendingLeaf {
	n := min(len(waiting), maxBatch)
	for n < len(waiting) && n > 1 && waiting[n].revision == waiting[n-1].revision {
		n--
	}
	return waiting[:n]
}

// commit puts a batch in the tree.
func (s *sequencer) commit(ctx context.Context, batch []pendingLeaf) error {
	if err := s.hash(ctx, batch); err != nil {
		return err
	}
	next, edge, order, tiles := s.grow(batch)
	first := map[int]int64{}
	for level := range s.edge.rows {
		first[level] = tileIndex(s.head.Size, level)
	}
	if err := s.between("before commit"); err != nil {
		return err
	}
	// If we crash before this, nothing happened: the next holder finds the same
	// leaves and, since their revisions never change, puts them in the same order.
	if err := s.move(ctx, next, tiles, first); err != nil {
		return err
	}
	// If we crash here, the size has got its one root, without a signature; the
	// next holder signs it.
	s.edge, s.order = edge, order
	s.metrics.sequenced.Add(float64(len(batch)))
	return s.between("committed")
}

// hash reads the leaves of a batch that the feed brought without their values.
func (s *sequencer) hash(ctx context.Context, batch []pendingLeaf) error {
	var keys []string
	var at []int
	for i, p := range batch {
		if p.hash == (tlog.Hash{}) {
			keys, at = append(keys, p.key), append(at, i)
		}
	}
	for len(keys) > 0 {
		n := min(len(keys), tileWidth) // so that no more than so many leaves are in memory
		records, err := readLeaves(ctx, s.store, keys[:n])
		if err != nil {
			return err
		}
		for i, r := range records {
			if r.Revision != batch[at[i]].revision {
				return missing(Prefix + keys[i])
			}
			batch[at[i]].hash = r.Hash()
		}
		keys, at = keys[n:], at[n:]
	}
	return nil
}

// grow computes what the tree becomes with a batch; it changes nothing.
func (s *sequencer) grow(batch []pendingLeaf) (head, *edge, tile, map[tileID]tile) {
	edge, tiles := s.edge.clone(), map[tileID]tile{}
	order := tile{Keys: append([]string(nil), s.order.Keys...), Revisions: append([]int64(nil), s.order.Revisions...)}
	for _, p := range batch {
		order.Keys, order.Revisions = append(order.Keys, p.key), append(order.Revisions, p.revision)
		edge.append(p.hash, func(level int, n int64, row []tlog.Hash) {
			t := tile{Hashes: pack(row)}
			if level == 0 {
				t.Keys, t.Revisions = order.Keys, order.Revisions
				order = tile{}
			}
			tiles[tileID{level, n}] = t
		})
	}
	for level, row := range edge.rows {
		if len(row) == 0 {
			continue
		}
		t := tile{Hashes: pack(row)}
		if level == 0 {
			t.Keys, t.Revisions = order.Keys, order.Revisions
		}
		tiles[tileID{level, tileIndex(edge.size, level)}] = t
	}
	next := s.head
	next.Size, next.Root, next.Last = edge.size, edge.root(), batch[len(batch)-1].revision
	return next, edge, order, tiles
}

// sign signs the tree that the store has decided on, unless that was done.
func (s *sequencer) sign(ctx context.Context) error {
	if s.top.Note == nil {
		if top, key, err := readCheckpoint(ctx, s.store); err == nil {
			s.top, s.topKey = top, key
		} else if !fault.HasCode(err, "no_checkpoint") {
			return err
		}
	}
	tree := s.head.tree()
	if s.top.Note != nil && s.top.Origin == s.head.Origin && s.top.Tree == tree && s.topKey.Equal(s.publicKey()) {
		return nil
	}
	err := s.memory.allow(s.head.Origin, tree, func(size int64) (tlog.Hash, error) { return s.rootAt(ctx, tree, size) })
	if err != nil {
		return err
	}
	if err := s.between("remembered"); err != nil {
		return err
	}
	key := s.signer()
	c, err := sign(s.head.Origin, tree, key)
	if err != nil {
		return err
	}
	if err := s.between("signed"); err != nil {
		return err
	}
	// If we crash here nobody has seen the checkpoint; it is made again, the same.
	if err := publish(ctx, s.store, s.office, c); err != nil {
		return err
	}
	s.top, s.topKey = c, public(key)
	s.metrics.signed.Inc()
	return s.between("published")
}

// between is where tests stop the work.
func (s *sequencer) between(step string) error {
	if s.step == nil {
		return nil
	}
	return s.step(step)
}
