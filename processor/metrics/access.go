package metrics

import (
	"fmt"
	"net/http"

	"inv/internal/httpguard"
)

// Access defines which requests get the metrics, which name topics, groups, brokers
// and partitions. Without a token, the request's Host must be an IP address, localhost
// or one of Hosts, and the request not be another site's: else any site that a browser
// visits could read them. /healthz and /readyz, which tell one bit, answer everyone,
// such as an orchestrator's probes.
type Access struct {
	Token     string   // required as Authorization: Bearer; "": none
	Hosts     []string // allowed in a Host header
	HostHint  string   // what to do about a refused Host; it may name flags
	TokenHint string   // what to do about a missing token
}

// scrapesAtOnce bounds the concurrent responses of /metrics.
const scrapesAtOnce = 8

func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		a := &s.Access
		token, _ := httpguard.Bearer(r)
		switch {
		case a.Token != "" && !httpguard.SameToken(token, a.Token):
			w.Header().Set("WWW-Authenticate", `Bearer realm="inv metrics"`)
			refuse(w, http.StatusUnauthorized, "a valid token is required, as Authorization: Bearer", a.TokenHint)
		case a.Token == "" && !httpguard.HostAllowed(r.Host, a.Hosts):
			refuse(w, http.StatusMisdirectedRequest, fmt.Sprintf("host %.100q is not allowed", r.Host), a.HostHint)
		case !httpguard.SameOrigin(r, r.URL.Path, a.Hosts):
			refuse(w, http.StatusForbidden, "cross-site requests are not allowed", "")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func refuse(w http.ResponseWriter, code int, message, hint string) {
	if hint != "" {
		message += ": " + hint
	}
	write(w, code, message+"\n")
}
