package larder.interop;

import com.google.protobuf.ByteString;
import com.google.rpc.RetryInfo;
import dev.larder.v1.CacheGrpc;
import dev.larder.v1.DeleteRequest;
import dev.larder.v1.GetRequest;
import dev.larder.v1.GetResponse;
import dev.larder.v1.LeaseRequest;
import dev.larder.v1.PipelineRequest;
import dev.larder.v1.PipelineResponse;
import dev.larder.v1.SetRequest;
import dev.larder.v1.SetResponse;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.io.File;
import java.io.IOException;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * A Larder client in Java with generated stubs. Arguments: [--ca=FILE [--cert=FILE --key=FILE]]
 * [--only=TEST] ADDRESS.
 */
final class Client {
  private static final ByteString BINARY = pattern(256, 256);
  // The largest value that a node takes by default.
  private static final ByteString LARGE = pattern(4032 << 10, 251);

  private final ManagedChannel channel;

  private Client(ManagedChannel channel) {
    this.channel = channel;
  }

  private interface Test {
    void run() throws Exception;
  }

  /** What a Pipeline answers, and how it ends. */
  private static final class Answers
      implements ClientResponseObserver<PipelineRequest, PipelineResponse> {
    final Map<Long, PipelineResponse> byId = new HashMap<>();
    final CountDownLatch first = new CountDownLatch(1);
    final CountDownLatch ended = new CountDownLatch(1);
    volatile Throwable error;
    ClientCallStreamObserver<PipelineRequest> call;

    @Override
    public void beforeStart(ClientCallStreamObserver<PipelineRequest> stream) {
      call = stream;
    }

    @Override
    public synchronized void onNext(PipelineResponse answer) {
      byId.put(answer.getId(), answer);
      first.countDown();
    }

    @Override
    public void onError(Throwable thrown) {
      error = thrown;
      ended.countDown();
    }

    @Override
    public void onCompleted() {
      ended.countDown();
    }

    Status awaitEnd() throws InterruptedException {
      check(ended.await(20, TimeUnit.SECONDS), "the stream has not ended");
      return error == null ? Status.OK : Status.fromThrowable(error);
    }
  }

  private static ByteString pattern(int size, int period) {
    byte[] bytes = new byte[size];
    for (int i = 0; i < size; ++i) {
      bytes[i] = (byte) (i % period);
    }
    return ByteString.copyFrom(bytes);
  }

  private static ByteString key(String name) {
    return ByteString.copyFromUtf8("java-" + name);
  }

  private static void check(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  private static void checkEquals(Object expected, Object actual) {
    check(expected.equals(actual), "expected " + expected + ", not " + actual);
  }

  private CacheGrpc.CacheBlockingStub cache() {
    return CacheGrpc.newBlockingStub(channel).withDeadlineAfter(20, TimeUnit.SECONDS);
  }

  private CacheGrpc.CacheStub asyncCache(long deadlineMs) {
    return CacheGrpc.newStub(channel).withDeadlineAfter(deadlineMs, TimeUnit.MILLISECONDS);
  }

  private static Answers pipeline(CacheGrpc.CacheStub stub) {
    Answers answers = new Answers();
    stub.pipeline(answers);
    return answers;
  }

  private static PipelineRequest setInPipeline(long id, String name, ByteString value) {
    return PipelineRequest.newBuilder().setId(id).setSet(set(name, value)).build();
  }

  private static SetRequest set(String name, ByteString value) {
    return SetRequest.newBuilder().setKey(key(name)).setValue(value).build();
  }

  private static GetRequest get(String name) {
    return GetRequest.newBuilder().setKey(key(name)).build();
  }

  private void unary() {
    cache().set(set("binary", BINARY).toBuilder().setFlags(9).build());
    GetResponse answer = cache().get(get("binary"));
    checkEquals(BINARY, answer.getValue());
    checkEquals(9, answer.getFlags());
    check(!cache().get(get("none")).getFound(), "a miss");
  }

  private void compareAndSet() {
    long version = cache().set(set("cas", BINARY)).getStored().getVersion();
    SetRequest request = set("cas", BINARY).toBuilder().setIfVersion(version).build();
    check(cache().set(request).hasStored(), "the version is the last");
    SetResponse late = cache().set(request);
    checkEquals("NOT_STORED_REASON_VERSION_MISMATCH", late.getNotStored().getReason().name());
  }

  private void lease() {
    LeaseRequest request = LeaseRequest.newBuilder().setKey(key("lease")).build();
    ByteString token = cache().lease(request).getGranted().getToken();
    check(cache().lease(request).hasHeld(), "the lease is held");
    SetRequest filled = set("lease", BINARY).toBuilder().setLeaseToken(token).build();
    check(cache().set(filled).hasStored(), "the token is good");
    checkEquals(BINARY, cache().lease(request).getHit().getValue().getValue());
  }

  private void streaming() throws InterruptedException {
    Answers answers = pipeline(asyncCache(20000));
    for (long id = 1; id <= 100; ++id) {
      answers.call.onNext(setInPipeline(id, "p" + id, BINARY));
    }
    answers.call.onNext(
        PipelineRequest.newBuilder().setId(101).setGet(GetRequest.getDefaultInstance()).build());
    answers.call.onCompleted();
    checkEquals(Status.Code.OK, answers.awaitEnd().getCode());
    checkEquals(101, answers.byId.size());
    for (long id = 1; id <= 100; ++id) {
      check(answers.byId.get(id).getSet().hasStored(), "operation " + id);
    }
    checkEquals(Status.Code.INVALID_ARGUMENT.value(), answers.byId.get(101L).getError().getCode());
  }

  private void deadline() throws InterruptedException {
    try {
      cache().withDeadlineAfter(-1, TimeUnit.SECONDS).get(get("binary"));
      throw new AssertionError("a call whose deadline had passed succeeded");
    } catch (StatusRuntimeException error) {
      checkEquals(Status.Code.DEADLINE_EXCEEDED, error.getStatus().getCode());
    }
    checkEquals(Status.Code.DEADLINE_EXCEEDED, pipeline(asyncCache(100)).awaitEnd().getCode());
    unary();
  }

  private void cancellation() throws InterruptedException {
    Answers answers = pipeline(asyncCache(20000));
    answers.call.onNext(PipelineRequest.newBuilder().setId(1).setGet(get("binary")).build());
    check(answers.first.await(20, TimeUnit.SECONDS), "no answer");
    answers.call.cancel("as the test wants", null);
    checkEquals(Status.Code.CANCELLED, answers.awaitEnd().getCode());
    unary();
  }

  private void largeMessage() {
    cache().set(set("large", LARGE));
    checkEquals(LARGE, cache().get(get("large")).getValue());
    cache().delete(DeleteRequest.newBuilder().setKey(key("large")).build());
  }

  private void gzip() throws InterruptedException {
    cache().withCompression("gzip").set(set("gzip", LARGE));
    checkEquals(LARGE, cache().withCompression("gzip").get(get("gzip")).getValue());
    Answers answers = pipeline(asyncCache(20000).withCompression("gzip"));
    answers.call.onNext(setInPipeline(1, "gzip", LARGE));
    answers.call.onNext(setInPipeline(2, "gzip", BINARY));
    answers.call.onCompleted();
    checkEquals(Status.Code.OK, answers.awaitEnd().getCode());
    check(answers.byId.get(1L).getSet().hasStored(), "the large value");
    check(answers.byId.get(2L).getSet().hasStored(), "the small value");
    cache().delete(DeleteRequest.newBuilder().setKey(key("gzip")).build());
  }

  // The node runs with little memory and --eviction=none, so a few large values fill it.
  private void errorDetails() throws Exception {
    StatusRuntimeException error = null;
    for (int n = 0; n < 40 && error == null; ++n) {
      try {
        cache().set(set("fill" + n, LARGE.substring(0, 1 << 20)));
      } catch (StatusRuntimeException thrown) {
        error = thrown;
      }
    }
    check(error != null, "the memory of the node was never full");
    checkEquals(Status.Code.RESOURCE_EXHAUSTED, error.getStatus().getCode());
    RetryInfo retry = StatusProto.fromThrowable(error).getDetails(0).unpack(RetryInfo.class);
    check(retry.getRetryDelay().getNanos() > 0, "no time to wait");
  }

  private void run(String only) throws Exception {
    Map<String, Test> tests = new LinkedHashMap<>();
    tests.put("unary", this::unary);
    tests.put("compare and set", this::compareAndSet);
    tests.put("lease", this::lease);
    tests.put("streaming", this::streaming);
    tests.put("deadline", this::deadline);
    tests.put("cancellation", this::cancellation);
    tests.put("large message", this::largeMessage);
    tests.put("gzip", this::gzip);
    tests.put("error details", this::errorDetails);
    for (Map.Entry<String, Test> test : tests.entrySet()) {
      if (only != null && !only.equals(test.getKey())) {
        continue;
      }
      try {
        test.getValue().run();
      } catch (Throwable thrown) {
        throw new AssertionError(test.getKey(), thrown);
      }
      System.out.println("ok " + test.getKey());
    }
  }

  private static ChannelCredentials credentials(Map<String, String> flags) throws IOException {
    if (!flags.containsKey("--ca")) {
      return InsecureChannelCredentials.create();
    }
    TlsChannelCredentials.Builder tls =
        TlsChannelCredentials.newBuilder().trustManager(new File(flags.get("--ca")));
    if (flags.containsKey("--cert")) {
      tls.keyManager(new File(flags.get("--cert")), new File(flags.get("--key")));
    }
    return tls.build();
  }

  public static void main(String[] arguments) throws Exception {
    Map<String, String> flags = new HashMap<>();
    String address = null;
    for (String argument : arguments) {
      String[] parts = argument.split("=", 2);
      if (parts.length == 2) {
        flags.put(parts[0], parts[1]);
      } else {
        address = argument;
      }
    }
    ManagedChannel channel = Grpc.newChannelBuilder(address, credentials(flags)).build();
    try {
      new Client(channel).run(flags.get("--only"));
    } finally {
      channel.shutdownNow();
    }
  }
}
