package client

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"

	"ragscale.dev/xk6-ragscale/arrival"
)

// The error labels (docs/architecture.md).
const (
	LabelTimeout     = "timeout"
	LabelAborted     = "aborted"
	LabelConnect     = "connect"
	LabelReset       = "reset"
	LabelClosedEarly = "closed_early"
	LabelMalformed   = "malformed"
	LabelStreamError = "stream_error"
)

func statusLabel(status int) string { return "http_" + strconv.Itoa(status) }

// connecting marks an error that came before there was a connection.
type connecting struct{ error }

func (c connecting) Unwrap() error { return c.error }

// errMalformed marks an answer that breaks its format.
var errMalformed = errors.New("malformed answer")

// errStream marks a failure that the server told within a stream.
var errStream = errors.New("error in the stream")

// labelOf says in one word what went wrong; the context is the request's.
func labelOf(ctx context.Context, err error) string {
	var connect connecting
	switch {
	case ctx.Err() != nil:
		return labelOfContext(ctx)
	case errors.Is(err, errMalformed):
		return LabelMalformed
	case errors.Is(err, errStream):
		return LabelStreamError
	case errors.As(err, &connect), isHandshake(err):
		return LabelConnect
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return LabelClosedEarly
	case isReset(err):
		return LabelReset
	case isMalformedHTTP(err):
		return LabelMalformed
	}
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		return LabelTimeout
	}
	return LabelReset
}

func labelOfContext(ctx context.Context) string {
	cause := context.Cause(ctx)
	if errors.Is(cause, context.DeadlineExceeded) || errors.Is(cause, arrival.ErrDrained) {
		return LabelTimeout
	}
	return LabelAborted
}

// isHandshake knows the errors of setting TLS up.
func isHandshake(err error) bool {
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &record) || errors.As(err, &alert) || errors.As(err, &certificate) ||
		strings.Contains(err.Error(), "TLS handshake")
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed)
}

// isMalformedHTTP knows the errors that net/http gives no type of their own.
func isMalformedHTTP(err error) bool {
	text := err.Error()
	for _, sign := range []string{"malformed", "invalid byte in chunk", "bad Content-Length", "unsupported transfer encoding", "too many transfer encodings"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}
