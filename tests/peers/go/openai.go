package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing/iotest"
	"time"

	openaigo "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// openai lets a client of openai-go send a request through a transport that fails.
func openai(c peerCase) answer {
	var transport openaiTransport
	transport.peerCase = c
	options := []option.RequestOption{
		option.WithAPIKey("key"),
		option.WithBaseURL("http://peer.test/"),
		option.WithHTTPClient(&http.Client{Transport: &transport, Timeout: time.Minute}),
	}
	if c.MaxRetries != nil {
		options = append(options, option.WithMaxRetries(*c.MaxRetries))
	}
	client := openaigo.NewClient(options...)
	var result map[string]any
	_ = client.Execute(context.Background(), c.Method, "path", nil, &result)
	return transport.answer(c)
}

// openaiTransport fails as the case says in the attempt that the case asks about. Before it, it
// fails in such a way that no time passes, for dates are compared with the clock.
type openaiTransport struct {
	peerCase
	attempts
}

func (t *openaiTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	t.began = append(t.began, time.Now())
	defer func() { t.ended = append(t.ended, time.Now()) }()
	response := &http.Response{
		StatusCode: t.Status,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(strings.NewReader(t.Body)),
		Request:    request,
	}
	switch {
	case len(t.began) <= t.Attempt:
		response.StatusCode = http.StatusServiceUnavailable
		response.Header.Set("Retry-After-Ms", "0")
		return response, nil
	case len(t.began) > t.Attempt+1:
		response.StatusCode = http.StatusOK
		return response, nil
	case t.Phase == "body":
		response.StatusCode = http.StatusOK
		response.Body = io.NopCloser(iotest.ErrReader(t.failure(request)))
	case t.Transport != "":
		return nil, t.failure(request)
	}
	for _, header := range t.Headers {
		response.Header.Add(header[0], header[1])
	}
	return response, nil
}

// failure is the error of net/http that a failure of this kind leads to.
func (t *openaiTransport) failure(request *http.Request) error {
	switch t.Transport {
	case "dns":
		return &net.DNSError{Err: "no such host", Name: "peer.test", IsNotFound: true}
	case "connect":
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	case "tls":
		return &tls.CertificateVerificationError{Err: errors.New("unknown authority")}
	case "reset":
		return &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	case "timeout":
		<-request.Context().Done() // http.Client's own limit
		return request.Context().Err()
	default:
		return errors.New(`net/http: HTTP/1.x transport connection broken: malformed HTTP response "x"`)
	}
}
