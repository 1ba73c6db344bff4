package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The headers of Standard Webhooks 1.0.0, in the case of its text.
const (
	idHeader        = "webhook-id"
	timestampHeader = "webhook-timestamp"
	signatureHeader = "webhook-signature"
)

// minSecretBytes is what Standard Webhooks wants of a secret.
const minSecretBytes = 24

// signer has the secrets of a receiver, the newest first by custom. While they rotate, a
// request has a signature by each.
type signer [][]byte

// newSigner reads secrets that white space separates: base64, with the prefix whsec_ or
// without. Errors don't show them.
func newSigner(text string) (signer, error) {
	var s signer
	for i, word := range strings.Fields(text) {
		if strings.HasPrefix(word, "whsk_") || strings.HasPrefix(word, "whpk_") {
			return nil, fmt.Errorf("secret %d is a key of ed25519; requests are signed with symmetric secrets, whsec_…", i+1)
		}
		encoded := strings.TrimRight(strings.TrimPrefix(word, "whsec_"), "=")
		secret, err := base64.RawStdEncoding.DecodeString(encoded)
		switch {
		case err != nil:
			return nil, fmt.Errorf("secret %d is not base64, with the prefix whsec_ or without", i+1)
		case len(secret) < minSecretBytes:
			return nil, fmt.Errorf("secret %d has %d bytes; Standard Webhooks wants at least %d", i+1, len(secret), minSecretBytes)
		}
		s = append(s, secret)
	}
	if len(s) == 0 {
		return nil, errors.New("no secret to sign with")
	}
	return s, nil
}

// sign returns the timestamp and the signatures of a message.
func (s signer) sign(id string, at time.Time, body []byte) (timestamp, signatures string) {
	timestamp = strconv.FormatInt(at.Unix(), 10)
	var b strings.Builder
	for i, secret := range s {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(id + "." + timestamp + "."))
		mac.Write(body)
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString("v1,")
		b.WriteString(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return timestamp, b.String()
}
