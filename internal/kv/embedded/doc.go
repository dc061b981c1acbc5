// Package embedded runs the store, etcd, as a part of quorate, so that a group
// can put its decisions on one machine with one program and nothing to set up.
//
// # What this room decides
//
// Where the store's files lie and who may use them; how the store is started,
// watched over, restarted and stopped; which settings it runs with. What is
// written in it is decided next door, in package kv, which sees a client of
// etcd and cannot tell this store from a cluster.
//
// # Two processes
//
// etcd answers a failing or full disk by ending its process. That is right for
// a database and wrong for us: a region's patients must go on being served from
// what was last known while somebody makes room on the disk. So [Start] runs the
// store in a process of its own, this same program started again as a child,
// and keeps it running. The child may die of anything; the parent notes why,
// waits a little, and starts it again.
//
// The two end in order. The parent stops last: on [Supervisor.Close] the child
// finishes the requests it has, and ends. And the child never outlives the
// parent: it holds the parent's end of a pipe, and when that closes, because
// the parent was told to go, or was killed, or the machine ran out of memory,
// the child stops by itself. Signals meant for the whole group, a Ctrl-C or a
// service manager's stop, it ignores; the parent gets them too and has writes to
// finish first.
//
// The child has no network. It listens on a unix socket, in a directory that
// only our own user may enter, and on nothing else: etcd's usual listeners
// would let any web page open on the machine write to the record. The child is
// given the few environment variables it needs and none of our secrets.
//
// # What must never happen
//
//   - Two processes on one directory. Each use takes a lock on it, and the
//     child shares the parent's, so a directory is free only when both have
//     ended. A second start says which process is in the way.
//   - A write acknowledged and lost. Syncing to disk cannot be switched off;
//     there is no setting for it.
//   - A store that waits for ever. A start that does not succeed ends with an
//     error that names the directory and what to do.
//   - Starting anew over somebody's data. Data that we do not recognise is
//     refused, never wiped. Only data.tmp is wiped, where by construction
//     nothing was ever acknowledged.
//
// # If we crash here
//
// In the first boot: etcd interrupted between making its files and its first
// entry leaves a directory that never works again, without a word. Ours is
// therefore made in data.tmp, marked as ours with a fresh identity (see
// [Marker]), synced, and only then renamed to data. Before the rename a crash
// leaves nothing that counts; after it, a whole store.
//
// At any later time: etcd recovers what it acknowledged from its log. The lock
// goes with the processes that held it; the socket that stays behind is
// replaced. If both processes are killed while the socket had to live in the
// system's temporary directory, because the data directory's path is too long
// for one, that small directory stays behind.
//
// # What this room does not do
//
// It does not notice a store that is frozen rather than dead; its clients do,
// by the silence of their watch. It does not detect a database file altered on
// disk, which etcd serves as if it were true; the record's own checks do. It
// does not defragment while running, since that stops the one member there is;
// a restart does, when there is enough to gain.
//
// Package-level state: etcd keeps the size of its log segments, its metrics and
// its gRPC statistics in package variables; see [InProcess] for the one that we
// set.
//
// # Example
//
//	s, err := embedded.Start(ctx, embedded.Config{Dir: "/var/lib/quorate/store", Logger: log})
//	if err != nil {
//		return err // says what to do
//	}
//	defer s.Close()
//	client, err := clientv3.New(clientv3.Config{Endpoints: []string{s.Endpoint()}})
package embedded
