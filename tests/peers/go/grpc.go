package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"
)

const pushback = "grpc-retry-pushback-ms"

// The retry policy of the preset: what gRPC's own examples configure.
const serviceConfig = `{"methodConfig": [{"name": [{}], "retryPolicy": {
	"maxAttempts": %d, "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 2,
	"retryableStatusCodes": ["UNAVAILABLE"]}}]}`

// grpcGo lets a gRPC client call a method of a server that fails.
//
// A response without a pushback is bare HTTP, such as a proxy's, of which grpc-go itself makes a
// gRPC code. One with a pushback is a gRPC server's own answer, for grpc-go reads pushbacks only of
// these: its HTTP status is 200, and its code the one that grpc-go makes of the bare status.
func grpcGo(c peerCase) answer {
	server := &grpcServer{peerCase: c}
	if slices.ContainsFunc(c.Headers, func(header [2]string) bool { return header[0] == pushback }) {
		bare := &grpcServer{peerCase: peerCase{Status: c.Status}}
		err := bare.call(context.Background(), grpc.WithDisableRetry())
		server.code = strconv.Itoa(int(status.Code(err)))
	}
	maxAttempts := 4
	if c.MaxRetries != nil {
		maxAttempts = *c.MaxRetries + 1
	}
	retries := grpc.WithDisableRetry()
	if maxAttempts > 1 {
		retries = grpc.WithDefaultServiceConfig(fmt.Sprintf(serviceConfig, maxAttempts))
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if c.Transport == "timeout" && c.Phase != "connect" {
		ctx, cancel = context.WithTimeout(ctx, time.Minute)
		defer cancel()
	}
	seen := &grpcAttempts{last: c.Attempt + 1, end: cancel}
	_ = server.call(ctx, retries, grpc.WithMaxCallAttempts(max(maxAttempts, 2)), grpc.WithStatsHandler(seen))
	return seen.answer(c)
}

// grpcServer is a server in this process that answers each call as the case says.
type grpcServer struct {
	peerCase
	code string // the gRPC code to answer with, none for bare HTTP
}

type connKey struct{}

// call makes one call to the server by a new client with these options.
func (s *grpcServer) call(ctx context.Context, options ...grpc.DialOption) error {
	listener := bufconn.Listen(1 << 16)
	keep := func(ctx context.Context, conn net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, conn)
	}
	server := &http.Server{Handler: s, Protocols: new(http.Protocols), ConnContext: keep}
	server.Protocols.SetUnencryptedHTTP2(true)
	go server.Serve(listener)
	defer server.Close()

	names := manual.NewBuilderWithScheme("peer")
	names.InitialState(resolver.State{Addresses: []resolver.Address{{Addr: "peer"}}})
	secrecy := insecure.NewCredentials()
	dial := func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }
	if s.Phase == "connect" {
		switch s.Transport {
		case "dns":
			names = manual.NewBuilderWithScheme("peer")
			names.BuildCallback = func(_ resolver.Target, client resolver.ClientConn, _ resolver.BuildOptions) {
				client.ReportError(&net.DNSError{Err: "no such host", Name: "peer", IsNotFound: true})
			}
		case "tls":
			secrecy = credentials.NewTLS(new(tls.Config)) // of which the server knows nothing
		case "timeout":
			dial = func(ctx context.Context, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		default:
			dial = func(context.Context, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED }
		}
	}
	options = append(options,
		grpc.WithResolvers(names), grpc.WithTransportCredentials(secrecy), grpc.WithContextDialer(dial))
	client, err := grpc.NewClient("peer:///", options...)
	if err != nil {
		panic(err)
	}
	defer client.Close()
	return client.Invoke(ctx, "/service/method", new(emptypb.Empty), new(emptypb.Empty))
}

func (s *grpcServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn := r.Context().Value(connKey{}).(net.Conn)
	if s.Phase == "body" {
		w.Header().Set("Content-Type", "application/grpc")
		w.(http.Flusher).Flush()
	}
	switch s.Transport {
	case "reset":
		conn.Close()
		return
	case "protocol":
		conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
		fallthrough
	case "timeout":
		<-r.Context().Done()
		return
	}
	for _, header := range s.Headers {
		w.Header().Add(header[0], header[1])
	}
	if s.code == "" {
		w.WriteHeader(s.Status)
		return
	}
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Grpc-Status", s.code)
}

// grpcAttempts is told by grpc-go of each attempt of a call, and ends the call after the last that
// is of interest.
type grpcAttempts struct {
	attempts
	last int
	end  func()
}

func (a *grpcAttempts) HandleRPC(_ context.Context, event stats.RPCStats) {
	// Not stats.Begin, of which an attempt that found no connection has two.
	if event, ok := event.(*stats.End); ok {
		a.began = append(a.began, event.BeginTime)
		a.ended = append(a.ended, event.EndTime)
		if len(a.ended) > a.last {
			a.end()
		}
	}
}

func (*grpcAttempts) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (*grpcAttempts) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (*grpcAttempts) HandleConn(context.Context, stats.ConnStats)                       {}
