package forward

import "time"

// grouper collects records into cuts for the loop, which calls it from one goroutine. It
// is pure: the loop reads, commits and sends.
//
// The loop tells it of all partitions that were assigned, and then of their records from
// the committed offsets on, in order. It asks for cuts that are due, commits the notes of
// all partitions, sends the cuts, and says when one is delivered.
type grouper interface {
	// assigned begins a partition at a committed offset, with the value of the note
	// @cuts, "" without one. An error: the note is not one.
	assigned(at Place, cuts string, now time.Time) error
	// revoked forgets a partition, and all groups with the last one.
	revoked(at Place)
	// read takes the next record of a partition; group is its group's value, and size
	// its bytes. It reports whether the record was sent before the last restart, so that
	// it is finished.
	read(r *Record, group string, size int, now time.Time) (sent bool)
	// passed says that the records of a partition before an offset were read, whether they
	// were given to read or not, or don't exist.
	passed(at Place)
	// cut returns a cut that is to be sent now, nil if none is due. It is under way until
	// delivered is called with it; a group has one under way at most.
	cut(now time.Time) *Cut
	// due returns when cut should be asked again; the zero time: nothing waits, or only
	// for a record or a delivery. A time in the past means at once.
	due() time.Time
	// flush makes due whatever waits or is read from now on, for the end of a drain.
	flush()
	// awaited returns the places up to which partitions must be read before cuts that
	// were under way at the last restart can be sent. They are not to be paused, and
	// where nothing is left to be read before such a place, passed is called with it.
	awaited() []Place
	// notes returns the values of the note @cuts by partition, with the cuts that are
	// under way, given the first unfinished offset of each; those that are "" are left out
	// of the metadata. They hold only together: each commit has all partitions.
	// Records for which the notes had no room may become part of groups by it, so cut and
	// due are asked after it.
	notes(watermarks []Place, now time.Time) []string
	// underWay reports whether a cut is under way: it is not that of an assignment before.
	underWay(c *Cut) bool
	// delivered ends a cut: it was delivered, or its records are dead letters, which are
	// then written with the next notes: these say that the records are finished.
	delivered(c *Cut, now time.Time)
}

var _ grouper = (*groups)(nil)
