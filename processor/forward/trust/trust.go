// Package trust reads the certificates that a sink's `ca:` names.
package trust

import (
	"crypto/x509"
	"fmt"
	"io"
	"os"

	"inv/internal/scenario"
	"inv/processor/forward/compose"
)

// maxCertificates bounds the file of certificates, in bytes.
const maxCertificates = 1 << 20

// Certificates returns the certificates to trust, from the file in PEM that ca names; nil,
// which are the system's, if ca is nil. An error is a [compose.Error] with ca's place.
func Certificates(vars *compose.Variables, ca *scenario.SinkText) (*x509.CertPool, error) {
	if ca == nil {
		return nil, nil
	}
	path, _ := vars.Text(ca).Constant()
	var pem []byte
	file, err := os.Open(path)
	if err == nil {
		pem, err = io.ReadAll(io.LimitReader(file, maxCertificates+1))
		_ = file.Close()
	}
	if err == nil && len(pem) > maxCertificates {
		err = fmt.Errorf("%s has more than %d bytes", path, maxCertificates)
	}
	if err != nil {
		return nil, &compose.Error{Pos: ca.Pos, Err: fmt.Errorf("reading the certificates to trust: %w", err)}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, &compose.Error{Pos: ca.Pos, Err: fmt.Errorf("%s has no certificate in PEM", path)}
	}
	return pool, nil
}
