// Package files keeps the records of topics in Parquet, JSON Lines or CSV files, each
// record exactly once. It is a [forward.Store].
//
// A topic has a folder of its own below the sink's, and in it are
//
//	TOPIC-PARTITION-OFFSET.EXT  a published file, OFFSET is its first row's, in 20 digits
//	.inv                        what the folder is for: application, sink, topic, columns
//	.inv-PARTITION-SEQ          a claim, SEQ in 20 digits
//	.inv-PARTITION-SEQ-RANDOM   a file that is being written for the claim SEQ
//
// # Protocol
//
// The claims of a partition are a log of its positions. Claim SEQ names the offset of the
// next record (next), and the file that has the records from the offset of claim SEQ-1 to
// there, if there are any. The greatest claim is the position.
//
// A claim is made whole under a hidden name, synced, and then linked to its name, which
// link(2) refuses if that exists. Of two owners at the same claim therefore one fails. It
// is the only step in which owners meet. To publish the rows since claim SEQ-1 is
//
//  1. the rows are in .inv-PARTITION-SEQ-RANDOM, which is synced, opened again and
//     checked: Parquet by its footer, the others by reading them to their last line, and
//     both by their number of rows
//  2. the folder is synced, so that no claim can name a file that a power cut takes away
//  3. the claim SEQ is linked: from here on the rows are kept, whatever happens
//  4. the claim SEQ-1 is looked at: see below
//  5. the folder is synced: the rows are durable
//  6. the file is renamed to its final name, and the folder synced
//  7. claims before SEQ-1 are removed, lowest first, and files being written for claims up
//     to SEQ, which can't be made any more
//
// An owner begins by finishing step 6 for the greatest claim, if its file still has the
// hidden name, and by a claim without a file: it takes the partition over. Any older owner
// still holds the number of a claim that exists by now, so its next publication fails and
// it gives the partition up ([forward.ErrNotOwner]), and what it was writing can be removed
// at once. So leftovers do not add up.
//
// Each step can be the last one of a process, or of a machine:
//
//   - before 3, nothing refers to the rows. They are read again, and the file is removed
//     by the next owner.
//   - after 3, the next owner finds the claim and its file. A rename is atomic: the file
//     has one of its two names. Under the hidden one it is still to be published; otherwise
//     it was published, and what became of it since is not inv's business.
//   - a power cut between 3 and 5 may keep the claim or lose it, and in either case the
//     file is there, by step 2.
//
// Step 4 is about an owner that was stopped for long before step 3. The claim SEQ was made
// by another one, and may have been removed since. Claims are removed from the lowest on,
// and SEQ goes only after SEQ-1 has gone. So if claim SEQ-1 is still the one on which the
// owner builds, SEQ had never been made before, and the claim is right. Otherwise the owner
// takes its claim back; if it doesn't come to that, the claim is lower than the greatest
// one, and of no effect.
//
// The names of published files take no part in this. They would not do: the first row
// behind a position is not the same for every owner (compaction and retention remove
// records, and `where` may have changed), so names of two owners may differ, and files that
// their user has moved away collide with nothing. Since the claims have the position, files
// can be moved or removed at any time, all of them too, and nothing is written again. If a
// final name is taken nevertheless, the sink ends with an error; no file is overwritten.
//
// If claims are missing and there are files, the greatest file says where to go on: Parquet
// in its footer (inv.next), the others by the offset in their last line. If the folder has
// files and no .inv, the sink ends with an error.
//
// # Faults
//
// Records are encoded into memory and from there into the file. While the file can't be
// written (the disk is full), nothing more is taken, and what was taken waits in memory;
// when it can, it goes on. After a failed sync, or if the check fails, the file is dropped,
// and the stream says [forward.ErrNotOwner] from then on, so that it is opened again and
// the records come again.
//
// # Files
//
// Files and folders get the permissions that the process's umask leaves of 0666 and 0777.
package files
