// Package mail sends records by e-mail, each message at least once: every try of a message
// has the same bytes, and so the same Message-ID, by which a mailbox can tell duplicates.
//
// A message is plain text in UTF-8, one for each recipient, so that one who is refused
// doesn't hold the others. It has the subject, the text, and a line per record; without
// text and line it has the records' values. The date is that of the cut's first record.
//
// What records decide can't become a header, or another line: line breaks and control
// characters of a subject become blanks, and so do the line breaks of fields in `line`.
// Other control characters become U+FFFD, and a subject has at most 200 characters.
//
// # Connections
//
// smtps:// is TLS from the beginning (RFC 8314), at port 465. With smtp://, at port 25 or,
// with a login, 587, the server must offer STARTTLS (RFC 3207) if there is a login or a
// certificate to trust, and what it presents is checked. Without both, STARTTLS is used if
// it is offered, without checking the certificate (RFC 7435), since who could present a
// wrong one could also take the offer away. TLS is 1.2 at least.
//
// At most 4 connections are open. One is used for several messages, and closed when it was
// idle for 30 seconds.
//
// # Outcomes
//
// The server's replies (RFC 5321, section 4.2, and the codes of RFC 3463) mean:
//
//	250 to the data           delivered
//	5xx to RCPT or the data   the message is refused, for this recipient
//	552, 5.2.3, 5.3.4         it is too large; also if it exceeds the server's SIZE (RFC 1870)
//	anything else             the sink holds: 4xx, no answer, 5xx to other commands
//
// The sink also holds if the server demands a login (503, 530, 534, 535, 538), or doesn't
// relay for it, since that concerns all messages.
package mail
