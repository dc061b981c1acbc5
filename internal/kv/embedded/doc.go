// Package embedded runs the store, etcd, as part of quorate.
package embedded
