// A Larder client in Go with generated stubs. usage: interop [--ca=FILE [--cert=FILE --key=FILE]]
// [--only=TEST] ADDRESS
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"

	larderv1 "larder/interop/larder/v1"
)

func pattern(size, period int) []byte {
	bytes := make([]byte, size)
	for i := range bytes {
		bytes[i] = byte(i % period)
	}
	return bytes
}

var (
	binary = pattern(256, 256)
	// The largest value that a node takes by default.
	large = pattern(4032<<10, 251)
)

type test struct {
	name string
	run  func(context.Context, larderv1.CacheClient) error
}

var tests = []test{
	{"unary", unary},
	{"compare and set", compareAndSet},
	{"lease", lease},
	{"streaming", streaming},
	{"deadline", deadline},
	{"cancellation", cancellation},
	{"large message", largeMessage},
	{"gzip", compressed},
	{"error details", errorDetails},
}

func unary(ctx context.Context, client larderv1.CacheClient) error {
	key := append([]byte("go-"), binary...)
	if _, err := client.Set(ctx, &larderv1.SetRequest{Key: key, Value: binary, Flags: 9}); err != nil {
		return err
	}
	answer, err := client.Get(ctx, &larderv1.GetRequest{Key: key})
	if err != nil {
		return err
	}
	if !answer.Found || !bytes.Equal(answer.Value, binary) || answer.Flags != 9 {
		return fmt.Errorf("unexpected answer %v", answer)
	}
	return miss(ctx, client)
}

func miss(ctx context.Context, client larderv1.CacheClient) error {
	answer, err := client.Get(ctx, &larderv1.GetRequest{Key: []byte("go-none")})
	if err == nil && answer.Found {
		return fmt.Errorf("found %v", answer)
	}
	return err
}

func setIf(ctx context.Context, client larderv1.CacheClient, key string, version uint64) (*larderv1.SetResponse, error) {
	return client.Set(ctx, &larderv1.SetRequest{
		Key: []byte(key), Value: binary, Condition: &larderv1.SetRequest_IfVersion{IfVersion: version}})
}

func compareAndSet(ctx context.Context, client larderv1.CacheClient) error {
	first, err := client.Set(ctx, &larderv1.SetRequest{Key: []byte("go-cas")})
	if err != nil {
		return err
	}
	second, err := setIf(ctx, client, "go-cas", first.GetStored().GetVersion())
	if err != nil || second.GetStored() == nil {
		return fmt.Errorf("not stored: %v %v", second, err)
	}
	late, err := setIf(ctx, client, "go-cas", first.GetStored().GetVersion())
	if err != nil {
		return err
	}
	if late.GetNotStored().GetReason() != larderv1.NotStoredReason_NOT_STORED_REASON_VERSION_MISMATCH {
		return fmt.Errorf("unexpected answer %v", late)
	}
	return nil
}

func lease(ctx context.Context, client larderv1.CacheClient) error {
	request := &larderv1.LeaseRequest{Key: []byte("go-lease")}
	first, err := client.Lease(ctx, request)
	if err != nil {
		return err
	}
	second, err := client.Lease(ctx, request)
	if err != nil || second.GetHeld() == nil {
		return fmt.Errorf("not held: %v %v", second, err)
	}
	stored, err := client.Set(ctx, &larderv1.SetRequest{Key: []byte("go-lease"), Value: binary,
		Condition: &larderv1.SetRequest_LeaseToken{LeaseToken: first.GetGranted().GetToken()}})
	if err != nil || stored.GetStored() == nil {
		return fmt.Errorf("not stored: %v %v", stored, err)
	}
	third, err := client.Lease(ctx, request)
	if err == nil && !bytes.Equal(third.GetHit().GetValue().GetValue(), binary) {
		return fmt.Errorf("unexpected answer %v", third)
	}
	return err
}

func setInPipeline(id uint64, key string, value []byte) *larderv1.PipelineRequest {
	set := &larderv1.SetRequest{Key: []byte(key), Value: value}
	return &larderv1.PipelineRequest{Id: id, Operation: &larderv1.PipelineRequest_Set{Set: set}}
}

// Sends all requests while answers come; returns these by their ids.
func exchange(stream larderv1.Cache_PipelineClient, requests []*larderv1.PipelineRequest) (
	map[uint64]*larderv1.PipelineResponse, error) {
	go func() {
		for _, request := range requests {
			_ = stream.Send(request)
		}
		_ = stream.CloseSend()
	}()
	answers := map[uint64]*larderv1.PipelineResponse{}
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return answers, nil
		}
		if err != nil {
			return nil, err
		}
		answers[answer.Id] = answer
	}
}

func streaming(ctx context.Context, client larderv1.CacheClient) error {
	const operations = 100
	stream, err := client.Pipeline(ctx)
	if err != nil {
		return err
	}
	var requests []*larderv1.PipelineRequest
	for id := uint64(1); id <= operations; id++ {
		requests = append(requests, setInPipeline(id, fmt.Sprintf("go-p%d", id), binary))
	}
	requests = append(requests, setInPipeline(operations+1, "", binary))
	answers, err := exchange(stream, requests)
	if err != nil {
		return err
	}
	for id := uint64(1); id <= operations; id++ {
		if answers[id].GetSet().GetStored() == nil {
			return fmt.Errorf("operation %d was answered %v", id, answers[id])
		}
	}
	bad := answers[operations+1].GetError()
	if codes.Code(bad.GetCode()) != codes.InvalidArgument {
		return fmt.Errorf("unexpected answer %v to a request without a key", bad)
	}
	return nil
}

// The node runs with little memory and --eviction=none, so a few large values fill it.
func errorDetails(ctx context.Context, client larderv1.CacheClient) error {
	for n := 0; n < 40; n++ {
		_, err := client.Set(ctx, &larderv1.SetRequest{Key: fmt.Appendf(nil, "go-f%d", n), Value: make([]byte, 1<<20)})
		if err == nil {
			continue
		}
		failed := status.Convert(err)
		if failed.Code() != codes.ResourceExhausted || len(failed.Details()) != 1 ||
			!strings.Contains(fmt.Sprintf("%T", failed.Details()[0]), "RetryInfo") {
			return fmt.Errorf("unexpected error %v with details %v", err, failed.Details())
		}
		return nil
	}
	return fmt.Errorf("the memory of the node was never full")
}

func deadline(ctx context.Context, client larderv1.CacheClient) error {
	expired, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Second))
	defer cancel()
	_, err := client.Get(expired, &larderv1.GetRequest{Key: binary})
	if status.Code(err) != codes.DeadlineExceeded {
		return fmt.Errorf("unexpected error %v", err)
	}
	soon, cancelSoon := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancelSoon()
	stream, err := client.Pipeline(soon)
	if err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.DeadlineExceeded {
		return fmt.Errorf("unexpected error of a stream %v", err)
	}
	return miss(ctx, client)
}

func cancellation(ctx context.Context, client larderv1.CacheClient) error {
	cancelled, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := client.Pipeline(cancelled)
	if err != nil {
		return err
	}
	get := &larderv1.GetRequest{Key: binary}
	if err := stream.Send(&larderv1.PipelineRequest{Id: 1, Operation: &larderv1.PipelineRequest_Get{Get: get}}); err != nil {
		return err
	}
	if _, err := stream.Recv(); err != nil {
		return err
	}
	cancel()
	if _, err := stream.Recv(); status.Code(err) != codes.Canceled {
		return fmt.Errorf("unexpected error %v", err)
	}
	return miss(ctx, client)
}

// Writes and reads it.
func largeValue(ctx context.Context, client larderv1.CacheClient, options ...grpc.CallOption) error {
	key := []byte("go-large")
	if _, err := client.Set(ctx, &larderv1.SetRequest{Key: key, Value: large}, options...); err != nil {
		return err
	}
	answer, err := client.Get(ctx, &larderv1.GetRequest{Key: key}, options...)
	if err != nil {
		return err
	}
	if !bytes.Equal(answer.Value, large) {
		return fmt.Errorf("%d bytes came back", len(answer.Value))
	}
	_, err = client.Delete(ctx, &larderv1.DeleteRequest{Key: key})
	return err
}

func largeMessage(ctx context.Context, client larderv1.CacheClient) error {
	return largeValue(ctx, client)
}

func compressed(ctx context.Context, client larderv1.CacheClient) error {
	if err := largeValue(ctx, client, grpc.UseCompressor(gzip.Name)); err != nil {
		return err
	}
	stream, err := client.Pipeline(ctx, grpc.UseCompressor(gzip.Name))
	if err != nil {
		return err
	}
	answers, err := exchange(stream, []*larderv1.PipelineRequest{
		setInPipeline(1, "go-gzip", large), setInPipeline(2, "go-gzip", binary)})
	if err == nil && (answers[1].GetSet().GetStored() == nil || answers[2].GetSet().GetStored() == nil) {
		return fmt.Errorf("unexpected answers %v", answers)
	}
	return err
}

var (
	caFile   = flag.String("ca", "", "PEM file of what signed the node's certificate; without it there is no TLS")
	certFile = flag.String("cert", "", "PEM file of the client's own certificate")
	keyFile  = flag.String("key", "", "PEM file of its key")
	only     = flag.String("only", "", "the one test to run")
)

func transportCredentials() (credentials.TransportCredentials, error) {
	if *caFile == "" {
		return insecure.NewCredentials(), nil
	}
	pem, err := os.ReadFile(*caFile)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM(pem)
	if *certFile != "" {
		own, err := tls.LoadX509KeyPair(*certFile, *keyFile)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{own}
	}
	return credentials.NewTLS(config), nil
}

func run(address string) error {
	transport, err := transportCredentials()
	if err != nil {
		return err
	}
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(transport))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, t := range tests {
		if *only != "" && *only != t.name {
			continue
		}
		if err := t.run(ctx, larderv1.NewCacheClient(connection)); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		fmt.Println("ok", t.name)
	}
	return nil
}

func main() {
	flag.Parse()
	if err := run(flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
