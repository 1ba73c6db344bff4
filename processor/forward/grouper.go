package forward

import "time"

// grouper collects records into cuts for the loop, which calls it from one goroutine. It
// is pure: the loop reads, commits and sends.
//
// The loop tells it of each partition that was assigned, then of the partition's records
// from the committed offset on, in order. It asks for cuts that are due, commits the notes
// of all partitions, sends the cut, and says when it is delivered.
type grouper interface {
	// assigned begins a partition at a committed offset, with the value of the note
	// @cuts, "" without one. An error: the note is not one.
	assigned(at Place, cuts string) error
	// revoked forgets all partitions.
	revoked()
	// read takes the next record of a partition; group is its group's value, and size
	// its bytes. It reports whether the record was sent before the last restart, so that
	// it is finished.
	read(r *Record, group string, size int, now time.Time) (sent bool)
	// cut returns a cut that is to be sent now, nil if none is due. It is under way until
	// delivered is called with it; a group has one under way at most.
	cut(now time.Time) *Cut
	// due returns when cut should be asked again; the zero time: nothing waits.
	due() time.Time
	// notes returns the values of the note @cuts by partition, with the cuts that are
	// under way, given the first unfinished offset of each; those that are "" are left out
	// of the metadata. Place.Offset is not compared.
	notes(watermarks []Place) []string
	// delivered ends a cut: it was delivered, or its records are dead letters.
	delivered(c *Cut, now time.Time)
}
