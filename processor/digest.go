package processor

import (
	"cmp"
	"context"
	"hash/crc32"
	"maps"
	"strconv"
	"strings"

	"inv/processor/stage"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Digest summarizes what a changelog's partition holds: the number of live keys
// and a sum over them and their values that does not depend on their order. It
// goes into the metadata of each committed offset (see [stage.Noted]), so that a
// changelog that lost a record, or has one more, is detected when it is read
// again. It detects accidents, not forgery. The zero value is that of no keys.
type Digest struct {
	keys int64
	sum  uint64
}

// Fingerprint is the part of a key and its value in a Digest. It is the same in
// every process.
func Fingerprint(key, value []byte) uint64 {
	a := crc32.Update(uint32(len(key)), castagnoli, key)
	b := crc32.Update(a, castagnoli, value)
	return mix(uint64(a)<<32 | uint64(b))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// mix is the finalizer of splitmix64: sums of checksums alone would cancel out.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Add adds a key that was not there.
func (d *Digest) Add(fingerprint uint64) { d.keys, d.sum = d.keys+1, d.sum+fingerprint }

// Remove removes a key that was there, with the value that it had.
func (d *Digest) Remove(fingerprint uint64) { d.keys, d.sum = d.keys-1, d.sum-fingerprint }

// String returns the digest as the metadata has it: KEYS.SUM.
func (d Digest) String() string {
	return strconv.FormatInt(d.keys, 10) + "." + strconv.FormatUint(d.sum, 16)
}

// parseDigest reads what String wrote.
func parseDigest(text string) (d Digest, ok bool) {
	keys, sum, _ := strings.Cut(text, ".")
	var err, err2 error
	d.keys, err = strconv.ParseInt(keys, 10, 64)
	d.sum, err2 = strconv.ParseUint(sum, 16, 64)
	return d, err == nil && err2 == nil
}

// Note returns what the metadata of a stage's committed offsets says of its
// state: the digest of the changelog, and how many more records wait in it for
// another one, which count as lag.
func (e Env) Note(d Digest, waiting int64) string {
	var fields []string
	if e.Exact { // otherwise the changelog may be ahead of the offset
		fields = append(fields, noteState+"="+d.String())
	}
	if waiting > 0 {
		fields = append(fields, noteWaiting+"="+strconv.FormatInt(waiting, 10))
	}
	return strings.Join(fields, " ")
}

// CheckState compares what was restored of a source partition with the note that
// its offset was committed with. Offsets of earlier versions have no note, nor
// have those that were committed at least once; such state is accepted, unless the
// changelog has lost its first records. waiting is how many records of the
// changelog wait for another one, which the digest leaves out.
func (e Env) CheckState(ctx context.Context, source stage.Source, committed int64, restored Digest, waiting int64) error {
	at, metadata, err := e.Reader.Committed(ctx, e.group, source.Topic, source.Partition)
	if err != nil {
		return err
	}
	p, err := parsePosition(metadata)
	want, ok := parseDigest(p.ids[noteState])
	if err != nil || !e.Exact || committed < 0 || at != committed || !ok {
		return e.checkStart(ctx, source) // moved meanwhile, or not to be compared
	}
	differs := func(what string, have, want any) error {
		return StartOver("the changelog %s/%d is not the state that %s was committed with at offset %d of %s: it holds %v %s, and %v were written; records of it were lost, changed or added",
			e.Topic(e.state), source.Partition, e.group, committed, source.Topic, have, what, want)
	}
	if want != restored {
		return differs("keys", restored.keys, want.keys)
	}
	if noted := cmp.Or(p.ids[noteWaiting], "0"); noted != strconv.FormatInt(waiting, 10) {
		return differs("waiting records", waiting, noted)
	}
	return nil
}

// Notes returns what the metadata of a source partition's committed offset says, by the
// names of the fields, which begin with an @: see [stage.Noted]. It has none if the
// offset is not the one that is given, or was not written by a processor. A state that
// another Stage.Shape has made is refused with a [ChangedError]: another instance may
// run another form of the topology.
func (e Env) Notes(ctx context.Context, source stage.Source, committed int64) (map[string]string, error) {
	at, metadata, err := e.Reader.Committed(ctx, e.group, source.Topic, source.Partition)
	if err != nil {
		return nil, err
	}
	p, err := parsePosition(metadata)
	if err != nil || at != committed || committed < 0 {
		return nil, nil
	}
	if err := e.shape(p); err != nil {
		return nil, err
	}
	maps.DeleteFunc(p.ids, func(name, _ string) bool { return !strings.HasPrefix(name, notePrefix) })
	return p.ids, nil
}

// CheckApplied compares the last offset of a source partition that the restored state
// includes, -1 for none, with the committed offset: the state must hold exactly the
// effects of what is before that.
func (e Env) CheckApplied(ctx context.Context, source stage.Source, applied, committed int64) error {
	changelog, log, p := e.Topic(e.state), source.Topic, source.Partition
	if applied >= committed {
		return StartOver("the changelog %s/%d includes offset %d of %s, but the group is at %d: its offsets were set back",
			changelog, p, applied, log, committed)
	}
	start, err := e.Reader.LogStart(ctx, log, p)
	if err != nil {
		return err
	}
	if start > applied+1 && committed > start {
		return StartOver("%s/%d begins at offset %d, behind what its changelog includes (%d), so it can't be checked",
			log, p, start, applied)
	}
	return e.Reader.Read(ctx, log, p, applied+1, committed, func(r *kgo.Record) error {
		return StartOver("the changelog %s/%d lacks offset %d of %s, which is committed (it includes %d): records of it were lost",
			changelog, p, r.Offset, log, applied)
	})
}

// AllNotes returns a note of the offsets that the stage's group has committed, by source
// partition, of those that have it.
func (e Env) AllNotes(ctx context.Context, name string) (map[stage.Source]string, error) {
	metadata, err := e.Reader.Metadata(ctx, e.group)
	notes := map[stage.Source]string{}
	for source, text := range metadata {
		if p, err := parsePosition(text); err == nil && p.ids[name] != "" {
			notes[source] = p.ids[name]
		}
	}
	return notes, err
}

// checkStart refuses a changelog that has lost its first records, if nothing can
// show that the state is complete without them.
func (e Env) checkStart(ctx context.Context, source stage.Source) error {
	if !e.skips { // then Restore has refused it
		return nil
	}
	start, err := e.Reader.LogStart(ctx, e.Topic(e.state), source.Partition)
	if err == nil && start > 0 {
		err = lostStart(e.state, e.Topic(e.state), source.Partition, start)
	}
	return err
}
