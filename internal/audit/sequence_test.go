package audit

import (
	"testing"
)

func TestWhatIsWrittenIsSequencedAndSigned(t *testing.T) {
	b := newBench(t)
	if c := b.mustServe(b.log); c.Tree.N != 0 {
		t.Errorf("an empty record has %d entries", c.Tree.N)
	}
	b.verified(b.log)
	b.write(3)
	first := b.mustServe(b.log)
	b.write(600)
	b.write(1, big())
	b.write(2)
	second := b.mustServe(b.log)
	v := b.verified(b.log, first)
	if v.Size != 606 || v.Root != second.Tree.Hash || v.Earlier != 3 || !v.KeyTrusted || !v.First.Equal(noon) {
		t.Errorf("verdict %+v", v)
	}
}
