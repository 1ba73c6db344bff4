package files

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"inv/processor/forward"
)

// claim is an entry of a partition's log of positions. The package comment has the protocol.
type claim struct {
	// ID differs from that of any other claim, also of one with the same number.
	ID string `json:"id"`
	// Next is the offset of the first record that isn't kept; none: see noOffset.
	Next int64 `json:"next"`
	// File is the hidden name of the file that the claim publishes, and Name its final
	// one; both are "" if it has no rows.
	File string `json:"file,omitempty"`
	Name string `json:"name,omitempty"`
	Rows int64  `json:"rows,omitempty"`
}

const (
	noOffset      = -1 // of a partition of which nothing was kept
	maxClaimBytes = 4 << 10
)

func (c *claim) encode() []byte {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // texts and numbers only
	}
	return append(b, '\n')
}

// parseClaim parses the claim with that number of a partition.
func parseClaim(b []byte, topic string, partition int32, seq uint64) (*claim, error) {
	c := &claim{}
	if err := json.Unmarshal(b, c); err != nil {
		return nil, err
	}
	h, isHidden := parseHidden(c.File)
	p, isPublished := parsePublished(c.Name, topic)
	switch {
	case c.ID == "" || c.Next < noOffset:
		return nil, errors.New("it has no id or a negative offset")
	case c.File == "" && c.Name == "":
		return c, nil
	case !isHidden || h.partition != partition || h.seq != seq || h.random == "":
		return nil, fmt.Errorf("%q is not a name of its file", c.File)
	case !isPublished || p.partition != partition || p.offset >= c.Next:
		return nil, fmt.Errorf("%q is not a name of its file", c.Name)
	}
	return c, nil
}

// claims is the log of a partition's positions, as one owner sees it.
type claims struct {
	folder
	topic     string
	partition int32
	at        func(point string)

	seq  uint64 // of the greatest claim, 0 without
	head claim
	old  []uint64 // claims that are there, in order
	// begun reports that there have been claims.
	begun bool
}

// errTaken says that another owner has made a claim.
var errTaken = fmt.Errorf("%w: it has written to the folder", forward.ErrNotOwner)

func randomName() string { return strings.ToLower(rand.Text()[:12]) }

// open takes the partition over. recover says where to go on if there are published files
// and no claims; last is the name of the last one.
func (l *claims) open(recover func(last string) (int64, error)) error {
	for range 10 {
		names, err := l.look(recover)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed by another owner since
		}
		if err != nil {
			return err
		}
		// The claim must be durable before its file can be seen, and moved away.
		if err := l.sys.SyncFolder(l.path); err != nil {
			return err
		}
		if err := l.finish(); err != nil {
			return err
		}
		switch err := l.add(claim{Next: l.head.Next}); {
		case errors.Is(err, errTaken):
			continue
		case err != nil:
			return err
		}
		again, err := l.sys.Names(l.path)
		if err != nil {
			return err
		}
		if _, seqs := l.own(again); len(seqs) > 0 && slices.Max(seqs) > l.seq {
			continue // the first look has missed claims that came and went meanwhile
		}
		l.clean(append(names, again...))
		return nil
	}
	if !l.begun {
		return stopf("the claims of partition %d are missing in %s. Put them back, or remove %s: then it goes on behind the last file", l.partition, l.path, markName(l.partition))
	}
	return errors.New("other processes take the partition over all the time")
}

// own returns the published files and the claims among names that are of the partition,
// both in order.
func (l *claims) own(names []string) (files []string, seqs []uint64) {
	for _, name := range names {
		if h, ok := parseHidden(name); ok && h.partition == l.partition && h.random == "" {
			seqs = append(seqs, h.seq)
		} else if p, ok := parsePublished(name, l.topic); ok && p.partition == l.partition {
			files = append(files, name)
		}
	}
	slices.Sort(files) // offsets have 20 digits
	slices.Sort(seqs)
	return files, seqs
}

// look finds the greatest claim.
func (l *claims) look(recover func(last string) (int64, error)) (names []string, err error) {
	if names, err = l.sys.Names(l.path); err != nil {
		return nil, err
	}
	published, seqs := l.own(names)
	l.seq, l.head, l.old = 0, claim{Next: noOffset}, nil
	if len(seqs) == 0 {
		if len(published) > 0 {
			l.head.Next, err = recover(published[len(published)-1])
		}
		return names, err
	}
	l.begun = true
	l.seq = seqs[len(seqs)-1]
	l.old = seqs
	b, err := l.read(claimName(l.partition, l.seq), maxClaimBytes)
	if err != nil {
		return nil, err
	}
	head, err := parseClaim(b, l.topic, l.partition, l.seq)
	if err != nil {
		return nil, stopf("%s is damaged: %w", l.join(claimName(l.partition, l.seq)), err)
	}
	l.head = *head
	if len(published) > 0 {
		last := published[len(published)-1]
		if p, _ := parsePublished(last, l.topic); p.offset >= l.head.Next {
			return nil, stopf("%s begins behind the position, which is %d: it is not of this sink", l.join(last), l.head.Next)
		}
	}
	return names, nil
}

// finish gives the file of the greatest claim its final name. It may have it already, also
// by another process, and may have been moved away since.
func (l *claims) finish() error {
	if l.head.File == "" {
		return nil
	}
	there, err := l.sys.Exists(l.join(l.head.File))
	if err != nil {
		return err
	}
	if !there {
		return l.sys.SyncFolder(l.path) // who has renamed it may not have come to that
	}
	if taken, err := l.sys.Exists(l.join(l.head.Name)); err != nil {
		return err
	} else if taken {
		if there, err := l.sys.Exists(l.join(l.head.File)); err != nil || !there {
			return errors.Join(err, l.sys.SyncFolder(l.path)) // another process has just renamed it
		}
		return stopf("%s exists, and is not of this sink. Move it away, and the rows that belong there are published", l.join(l.head.Name))
	}
	err = l.sys.Rename(l.join(l.head.File), l.join(l.head.Name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return l.sys.SyncFolder(l.path)
}

// add makes the claim after the greatest one durable. The error is errTaken if it is
// another owner's.
func (l *claims) add(c claim) error {
	c.ID = randomName()
	seq := l.seq + 1
	name := claimName(l.partition, seq)
	err := l.put(hiddenName(l.partition, seq, c.ID), name, c.encode())
	switch {
	case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist): // or the next owner has removed the draft
		return errTaken
	case errors.Is(err, syscall.ENAMETOOLONG):
		return stopf("the topic's name is too long for the file system: %w", err)
	case err != nil:
		return err
	}
	if c.File != "" {
		l.at("linked")
	}
	first, err := l.isFirst()
	if err == nil && !first {
		_ = l.sys.Remove(l.join(name)) // otherwise it is of no effect, and the next owner does
		return errTaken
	}
	if err == nil {
		err = l.sys.SyncFolder(l.path)
	}
	if err != nil {
		return err
	}
	l.seq, l.head = seq, c
	l.old = append(l.old, seq)
	return nil
}

// isFirst reports whether no other owner can have made, and removed, the claim after the
// greatest one: that has not been removed.
func (l *claims) isFirst() (bool, error) {
	if l.seq == 0 {
		begun, err := l.sys.Exists(l.join(markName(l.partition)))
		return !begun, err
	}
	b, err := l.read(claimName(l.partition, l.seq), maxClaimBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c, err := parseClaim(b, l.topic, l.partition, l.seq)
	return err == nil && c.ID == l.head.ID, nil
}

// trim removes claims before the last but one. What can't be removed is tried again by the
// next call.
func (l *claims) trim() {
	if len(l.old) <= 2 {
		return
	}
	mark := l.join(markName(l.partition))
	if there, err := l.sys.Exists(mark); err != nil {
		return
	} else if !there {
		f, err := l.sys.Create(mark)
		if err != nil || f.Close() != nil {
			return
		}
	}
	for len(l.old) > 2 {
		err := l.sys.Remove(l.join(claimName(l.partition, l.old[0])))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return
		}
		l.old = l.old[1:]
	}
}

// clean removes old claims, and files that were written for claims up to the greatest one.
func (l *claims) clean(names []string) {
	l.trim()
	for _, name := range names {
		if h, ok := parseHidden(name); ok && h.partition == l.partition && h.random != "" && h.seq <= l.seq {
			_ = l.sys.Remove(l.join(name)) // may be gone; otherwise the next owner's
		}
	}
}
