package io.holdoff;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.holdoff.okhttp.RetryInterceptor;
import java.io.IOException;
import java.net.SocketException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a Java program writes. */
@Timeout(20)
class JavaTest {
    private final Policy policy = Policy.tessera();
    private final HttpClient client = HttpClient.newHttpClient();

    @Test
    void decides() {
        Failure failure = new Failure.Response(429, Headers.of(Map.of("Retry-After", "3")));
        Decision decision = policy.decide(failure);
        assertEquals(Action.RETRY, decision.getAction());
        assertEquals(3000, decision.getAfterMs());
        assertEquals(FailureClass.RATE_LIMITED, decision.getFailureClass());
        assertEquals(Reason.STATUS, decision.getReason());
        assertEquals("retry-after", decision.getSource().getWireName());
        assertEquals("the quota of the current window is used up: back off", policy.advice(decision));
        assertEquals(decision, policy.decide(failure, new Call().withSeed(7L).withMethod("POST")));
        assertEquals(decision, policy.explain(failure).getDecision());
        assertEquals("failure", policy.explain(failure).getSteps().get(0).getTopic());
    }

    @Test
    void takesEveryShape() {
        Failure lists = new Failure.Response(503, Headers.ofLists(Map.of("retry-after", List.of("3"))), "{}");
        assertEquals(3000, policy.decide(lists).getAfterMs());
        Failure looked = new Failure.Response(503, line -> line.accept("retry-after", "3"), new byte[0]);
        assertEquals(3000, policy.decide(looked).getAfterMs());
        Failure transport = new Failure.Transport(TransportKind.RESET);
        Call call = new Call(1).withDraw(0.5).withNow(Instant.now()).withElapsedMs(0L).withDeadlineMs(9000L);
        assertEquals(2500, policy.decide(transport, call).getAfterMs());
    }

    @Test
    void says() {
        assertTrue(Policy.getPresetNames().contains("tessera"));
        PolicyException error = assertThrows(PolicyException.class, () -> new Policy("{\"name\": 1}"));
        assertTrue(error.getMessage().startsWith("name: "), error.getMessage());
        ErrorBody body = Holdoff.parseError("{\"error\": {\"code\": \"busy\"}}");
        assertNotNull(body);
        assertEquals("busy", body.getCode());
        assertNull(body.getFailureClass());
        SupportReport report = Holdoff.supportReport(new Failure.Response(503), "https://api.tessera.ai/v1");
        assertEquals("HTTP status 503", report.getFailure());
    }

    @Test
    void retriesInThisThread() throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(Faults.newRun() + "/rate-limited")).build();
        List<Decision> decisions = new ArrayList<>();
        HttpResponse<String> response =
                Holdoff.retryBlocking(
                        new HttpResponseAdapter<>(),
                        policy,
                        new Call().withMethod("GET"),
                        null,
                        event -> decisions.add(event.getDecision()),
                        attempt -> client.send(request, BodyHandlers.ofString()));
        assertEquals(200, response.statusCode());
        assertEquals(List.of(1000L), List.of(decisions.get(0).getAfterMs()));
    }

    @Test
    void retriesInTheBackground() throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(Faults.newRun() + "/bad-request")).build();
        HttpResponse<String> response =
                Holdoff.retryAsync(
                                new HttpResponseAdapter<String>(),
                                policy,
                                attempt -> client.sendAsync(request, BodyHandlers.ofString()))
                        .get();
        assertEquals(400, response.statusCode());
        assertEquals(Action.STOP, Holdoff.decisionOf(response).getAction());
    }

    @Test
    void needsNoPolicy() throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(Faults.newRun() + "/bad-request")).build();
        HttpResponse<String> blocking =
                Holdoff.retryBlocking(
                        new HttpResponseAdapter<>(), attempt -> client.send(request, BodyHandlers.ofString()));
        HttpResponse<String> background =
                Holdoff.retryAsync(
                                new HttpResponseAdapter<String>(),
                                attempt -> client.sendAsync(request, BodyHandlers.ofString()))
                        .get();
        // Tessera's own policy would go by the type in the error body.
        assertEquals(Reason.STATUS, Holdoff.decisionOf(blocking).getReason());
        assertEquals(Reason.STATUS, Holdoff.decisionOf(background).getReason());
    }

    @Test
    void callsShareWhatTheyLearn() {
        Policy shared = SharedPolicyKt.sharedPolicy("{\"max_wait_ms\": 2000, \"hold\": {}, \"budget\": {\"capacity\": 2, \"cost\": 1}}");
        Call call = new Call().withDraw(0.0).withNow(Instant.now());
        Upstream upstream = new Upstream();
        assertEquals(Admission.Send.INSTANCE, upstream.admit(shared, call));
        Failure failure = new Failure.Response(429, Headers.of(Map.of("Retry-After", "1")));
        Decision decision = upstream.decide(shared, failure, call);
        assertEquals(1000, decision.getAfterMs());
        Admission.Wait wait = (Admission.Wait) upstream.admit(shared, call);
        assertEquals(1000, wait.getAfterMs());
        assertEquals(Source.HOLD, wait.getSource());
        Call later = call.withNow(call.getNow().plusSeconds(1));
        assertEquals(Admission.Send.INSTANCE, upstream.admit(shared, later, wait.getTicket()));
        upstream.succeed(shared, later, decision);
        upstream.succeed(shared, later);
        assertEquals(1000, upstream.explain(shared, failure, later).getDecision().getAfterMs());
        Upstream copy = Upstream.fromJson(upstream.toJson());
        copy.merge(upstream);
        Admission.Refuse refuse = (Admission.Refuse) copy.admit(shared, later.withDeadlineMs(500L));
        assertEquals(Reason.DEADLINE, refuse.getDecision().getReason());
    }

    @Test
    void throwsWhereNothingMayBeSent() {
        Policy shared = SharedPolicyKt.sharedPolicy("{\"max_wait_ms\": 2000, \"hold\": {}}");
        Upstream upstream = new Upstream();
        Call call = new Call().withMethod("GET");
        Failure failure = new Failure.Response(429, Headers.of(Map.of("Retry-After", "9")));
        upstream.decide(shared, failure, call.withNow(Instant.now()));
        BlockingSend<HttpResponse<String>> never = attempt -> { throw new AssertionError("sent"); };
        HeldBackException thrown =
                assertThrows(
                        HeldBackException.class,
                        () -> Holdoff.retryBlocking(new HttpResponseAdapter<>(), shared, call, upstream, never));
        assertEquals(Source.HOLD, thrown.getDecision().getSource());
        CompletableFuture<HttpResponse<String>> future =
                Holdoff.retryAsync(
                        new HttpResponseAdapter<>(), shared, call, upstream, attempt -> { throw new AssertionError("sent"); });
        ExecutionException wrapped = assertThrows(ExecutionException.class, future::get);
        assertEquals(Reason.HELD, Holdoff.decisionOf(wrapped).getReason());
    }

    @Test
    void retriesInOkHttp() throws IOException {
        RetryInterceptor retries =
                RetryInterceptor.of(
                        options -> {
                            options.setDeadlineMs(30_000L);
                            options.setPolicy(policy);
                            options.upstream(null);
                            options.onDecision(event -> assertEquals(0, event.getAttempt()));
                        });
        OkHttpClient okHttp = retries.addTo(new OkHttpClient.Builder()).build();
        Request request =
                new Request.Builder()
                        .url(Faults.newRun() + "/closed")
                        .tag(Call.class, new Call().withIdempotent(true))
                        .build();
        try (Response response = okHttp.newCall(request).execute()) {
            assertEquals(200, response.code());
        }
        assertNotNull(new RetryInterceptor());
    }

    @Test
    void throwsTheLastException() {
        SocketException reset = new SocketException("reset");
        Call once = new Call().withMaxRetries(0L);
        SocketException thrown =
                assertThrows(
                        SocketException.class,
                        () -> Holdoff.retryBlocking(new HttpResponseAdapter<>(), policy, once, attempt -> { throw reset; }));
        assertEquals(Reason.RETRIES_EXHAUSTED, Holdoff.decisionOf(thrown).getReason());

        CompletableFuture<HttpResponse<String>> future =
                Holdoff.retryAsync(new HttpResponseAdapter<>(), policy, once, attempt -> CompletableFuture.failedFuture(reset));
        ExecutionException wrapped = assertThrows(ExecutionException.class, future::get);
        assertEquals(Reason.RETRIES_EXHAUSTED, Holdoff.decisionOf(wrapped).getReason());
    }

    @Test
    void anInterruptEndsAWait() throws InterruptedException {
        List<Throwable> thrown = new ArrayList<>();
        Thread thread =
                new Thread(
                        () -> {
                            try {
                                Holdoff.retryBlocking(
                                        new HttpResponseAdapter<String>(),
                                        policy,
                                        attempt -> {
                                            throw new SocketException("reset");
                                        });
                            } catch (IOException | InterruptedException error) {
                                thrown.add(error);
                            }
                        });
        thread.start();
        TimeUnit.MILLISECONDS.sleep(300);
        thread.interrupt();
        thread.join(10_000);
        assertEquals(InterruptedException.class, thrown.get(0).getClass());
    }

    @Test
    void cancellingTheFutureEndsAWait() throws InterruptedException {
        Policy quick = new Policy(policy.toJson().replace("_ms\": 1000", "_ms\": 150"));
        BlockingQueue<Long> attempts = new LinkedBlockingQueue<>();
        CompletableFuture<HttpResponse<String>> future =
                Holdoff.retryAsync(
                        new HttpResponseAdapter<>(),
                        quick,
                        attempt -> {
                            attempts.add(attempt);
                            return CompletableFuture.failedFuture(new SocketException("reset"));
                        });
        assertEquals(0, attempts.poll(10, TimeUnit.SECONDS));
        assertTrue(future.cancel(true));
        assertNull(attempts.poll(400, TimeUnit.MILLISECONDS));
    }
}
