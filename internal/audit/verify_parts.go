package audit

import (
	"crypto/ed25519"
	"io"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/quorate/quorate/internal/fault"
)

// bundleSums are the hashes of the bundles as a file lists them. vouched says
// that they give the signed root; if they do not, one of them is wrong, and the
// entries show which.
type bundleSums struct {
	list    []tlog.Hash
	vouched bool
}

// bundles reads the hash of every bundle.
func (v *verifier) bundles() (bundleSums, error) {
	var sums bundleSums
	for n := range bundles(v.tree) {
		v.next = n * tileWidth
		words, err := v.words("bundle", "bundle", 3)
		if err != nil {
			return sums, err
		}
		if at, err := v.number("bundle", words[0], n); err != nil || at != n {
			return sums, flaw(v.next, "bundle", "the hash of bundle %.30q stands where that of %d should", words[0], n)
		}
		h, err := parseHash(words[1])
		if err != nil {
			return sums, flaw(v.next, "bundle", "%.60q is no hash", words[1])
		}
		sums.list = append(sums.list, h)
	}
	v.next = 0
	sums.vouched = rootOf(sums.list) == v.tree.Hash
	return sums, nil
}

// rootOf is the root over the hashes of bundles.
func rootOf(list []tlog.Hash) tlog.Hash {
	if len(list) == 0 {
		h, _ := tlog.TreeHash(0, nil) // the hash of nothing, by definition
		return h
	}
	return subtreeHash(list)
}

// check compares the hashes of a bundle's entries with what the file says of it.
func (s bundleSums) check(n int64, row []tlog.Hash) error {
	if subtreeHash(row) == s.list[n] {
		return nil
	}
	from, to := n*tileWidth, n*tileWidth+int64(len(row))-1
	if s.vouched {
		return flaw(from, "bundle", "one of the entries %d to %d was changed together with its hash", from, to)
	}
	return flaw(from, "bundle", "the entries %d to %d are not those of their bundle, or its hash was changed", from, to)
}

// checkRoot is reached when every entry agrees with its bundle.
func (s bundleSums) checkRoot(t tlog.Tree) error {
	if s.vouched {
		return nil
	}
	return flaw(0, "checkpoint", "the entries agree with each other and not with the signed root: the whole was rewritten, or it is the record of another checkpoint")
}

// proof reads a file of one entry.
func (v *verifier) proof() error {
	if v.trust.Earlier != nil { // it holds one entry, and cannot show what became of the others
		return fault.New(fault.Invalid, "proof_and_checkpoint", "a proof of one entry cannot be held against an earlier checkpoint").
			Do("give an export").At("--checkpoint")
	}
	key, err := v.key()
	if err != nil {
		return err
	}
	if v.trust.Key != nil && !v.verdict.KeyTrusted { // one entry does not show which key replaced which
		return flaw(0, "checkpoint", "the file names the key %s, and the one to trust is %s; if the key was replaced, an export shows it", KeyID(key), KeyID(v.trust.Key))
	}
	words, err := v.words("entry", "entry", 4)
	if err != nil {
		return err
	}
	index, err := v.number("entry", words[0], 1<<62)
	if err != nil {
		return err
	}
	h, err := v.proofEntry(index, words)
	if err != nil {
		return err
	}
	hashes, err := v.proofHashes(index)
	if err != nil {
		return err
	}
	return v.proofRoot(key, index, h, hashes)
}

func (v *verifier) proofEntry(index int64, words []string) (tlog.Hash, error) {
	v.next = index
	n, err := v.number("entry", words[1], maxEntry)
	if err != nil {
		return tlog.Hash{}, err
	}
	data, err := v.bytes("entry", n)
	if err != nil {
		return tlog.Hash{}, err
	}
	h := tlog.RecordHash(data)
	if h.String() != words[2] {
		return h, flaw(index, "entry", "what it says does not have its hash")
	}
	if err := v.newline(index); err != nil {
		return h, err
	}
	return h, v.leaf(index, data)
}

// maxProof is more hashes than any tree needs.
const maxProof = 64

func (v *verifier) proofHashes(index int64) (tlog.RecordProof, error) {
	if line, err := v.line("proof"); err != nil || line != "c2sp.org/tlog-proof@v1" {
		return nil, flaw(index, "proof", "there is no proof")
	}
	words, err := v.words("proof", "index", 2)
	if err != nil {
		return nil, err
	}
	if at, err := v.number("proof", words[0], 1<<62); err != nil || at != index {
		return nil, flaw(index, "proof", "the proof is of entry %.30q", words[0])
	}
	p := tlog.RecordProof{}
	for len(p) <= maxProof {
		line, err := v.line("proof")
		if err != nil || line == "" {
			return p, err
		}
		h, err := parseHash(line)
		if err != nil {
			return nil, flaw(index, "proof", "%.60q is no hash", line)
		}
		p = append(p, h)
	}
	return nil, flaw(index, "proof", "it has more than %d hashes", maxProof)
}

func (v *verifier) proofRoot(key ed25519.PublicKey, index int64, h tlog.Hash, p tlog.RecordProof) error {
	note, err := io.ReadAll(io.LimitReader(v.in, maxNote+1))
	if err != nil {
		return err
	}
	if err := v.checkpoint(note, key); err != nil {
		return err
	}
	if err := tlog.CheckRecord(p, v.tree.N, v.tree.Hash, index, h); err != nil {
		return flaw(index, "proof", "the entry is not in the tree of the checkpoint")
	}
	v.verdict.Kind = "proof"
	v.verdict.First, v.verdict.Last = nil, nil
	return nil
}
