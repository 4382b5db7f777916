// Package client makes the requests of a load test: one HTTP exchange, a stream of tokens in the OpenAI
// format, or a query to the reference gateway, timed from Go's monotonic clock.
package client

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// Client sends requests through one pool of connections, as the client of a real system would: its
// connections are not tied to virtual users.
type Client struct {
	transport http.RoundTripper
	userAgent string
}

// Settings are what a client takes over from k6.
type Settings struct {
	DialContext       func(ctx context.Context, network, address string) (net.Conn, error)
	TLS               *tls.Config
	DisableKeepAlives bool
	// UserAgent is that of requests which name none; empty: Go's own.
	UserAgent string
}

// New makes a client. It speaks HTTP/1.1, and HTTP/2 where a TLS server offers it.
func New(settings Settings) *Client {
	return &Client{userAgent: settings.UserAgent, transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			connection, err := settings.DialContext(ctx, network, address)
			if err != nil {
				return nil, connecting{err}
			}
			return connection, nil
		},
		TLSClientConfig:     settings.TLS,
		DisableKeepAlives:   settings.DisableKeepAlives,
		DisableCompression:  true,
		ForceAttemptHTTP2:   true,
		MaxIdleConns:        0, // no limit: what is in flight is limited already
		MaxIdleConnsPerHost: 1 << 20,
		IdleConnTimeout:     90 * time.Second,
		// Larger than the default 4 KB: an embedding is 10 to 40 KB.
		ReadBufferSize:  16 << 10,
		WriteBufferSize: 16 << 10,
	}}
}
