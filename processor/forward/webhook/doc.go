// Package webhook sends records as HTTP requests, each at least once: every try of a
// message has the same URL, headers and body, but for the time and the signature of
// Standard Webhooks.
//
// A message is a request with a JSON body, a form, or the record's value. Redirects are not
// followed: a receiver that has moved is for somebody to look at, and the request has
// credentials. Certificates are checked, with TLS 1.2 at least. The proxy is that of the
// environment, see [net/http.ProxyFromEnvironment].
//
// # Outcomes
//
//	2xx                   delivered, whatever the body is
//	400, 415, 422         the record is refused
//	413                   the record is too large
//	409, 425              tried again if an idempotency key is sent, else the record is refused
//	410                   the sink stops: the receiver is gone for good
//	3xx                   the sink holds
//	anything else         the sink holds: 401, 403, 404, 429, 5xx, no answer
//
// Retry-After is obeyed for what is tried again, up to an hour. The error of a status has
// the beginning of the response.
package webhook
