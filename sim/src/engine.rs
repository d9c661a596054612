//! Virtual time: who does what when.

use holdoff::{Action, Admission, Call, Decision, Policy};

use crate::calls::{Calls, OpenCall};
use crate::clients::Clients;
use crate::measure::{Outcome, Recorder};
use crate::queue::Queue;
use crate::random::Random;
use crate::scenario::{Load, Scenario};
use crate::server::{Answer, Received, Started, WorkingServer};

/// The streams of random numbers.
const ARRIVALS: u32 = 0;
const CALLS: u32 = 1;
const SERVER: u32 = 2;

/// Workers begin one after the other, for what they do later is to be seen and not that.
const WORKERS_BEGIN_MS: u32 = 60_000;

/// What one policy does to the server in one scenario, with all calls deciding by the policy itself.
///
/// The same arguments give the same outcome, and other policies meet the same calls. `each_second` is
/// told the virtual seconds as they pass.
pub fn simulate(
    scenario: &Scenario,
    policy: &Policy,
    seed: u64,
    mut each_second: impl FnMut(u64),
) -> Outcome {
    let mut run = Run {
        scenario,
        clients: Clients::new(policy, scenario.load.clients()),
        server: WorkingServer::new(scenario, Random::new(seed, SERVER)),
        queue: Queue::default(),
        calls: Calls::default(),
        recorder: Recorder::new(scenario),
        arrivals: Random::new(seed, ARRIVALS),
        seeds: Random::new(seed, CALLS),
        arrival_ms: 0.0,
    };
    run.open();
    let mut second = 0;
    while let Some((now_ms, event)) = run.queue.pop() {
        if now_ms / 1000 > second {
            second = now_ms / 1000;
            each_second(second);
        }
        if run.recorder.is_complete(now_ms) {
            break;
        }
        run.take(now_ms, event);
    }
    run.recorder.finish(scenario)
}

/// What happens next. Requests reach the server when they are sent, and answers take the whole round
/// trip: only the sum matters to the client, and the server's clock is behind by half of it.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// A call begins, whoever's.
    Arrival,
    /// A worker of this client begins its next call.
    Worker { client: u32 },
    /// A call's wait ends.
    Send { call: u32 },
    /// The server is done with a request.
    Done,
    /// The answer to an attempt comes.
    Answered { attempt: Attempt, answer: Answer },
    /// The client no longer waits for the answer to an attempt.
    TimedOut { attempt: Attempt },
}

/// An attempt of a call. The call has gone on to another one, or has ended, if the number is no
/// longer the call's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Attempt {
    call: u32,
    number: u32,
    /// When the client no longer waits for it; a small number, for there are many attempts.
    until_ms: u32,
}

struct Run<'r> {
    scenario: &'r Scenario,
    clients: Clients<'r>,
    server: WorkingServer<'r, Attempt>,
    queue: Queue<Event>,
    calls: Calls,
    recorder: Recorder,
    arrivals: Random,
    seeds: Random,
    /// When the last call began, exactly.
    arrival_ms: f64,
}

impl Run<'_> {
    /// Lets the load begin.
    fn open(&mut self) {
        match self.scenario.load {
            Load::Open { .. } => self.plan_arrival(),
            Load::Closed {
                clients, workers, ..
            } => {
                for client in 0..clients {
                    for _ in 0..workers {
                        let at_ms = self.arrivals.below(WORKERS_BEGIN_MS);
                        self.queue.push(at_ms.into(), Event::Worker { client });
                    }
                }
            }
        }
    }

    fn take(&mut self, now_ms: u64, event: Event) {
        match event {
            Event::Arrival => {
                let client = self.arrivals.below(self.scenario.load.clients());
                self.begin(now_ms, client);
                self.plan_arrival();
            }
            Event::Worker { client } => self.begin(now_ms, client),
            Event::Send { call } => self.send(now_ms, call),
            Event::Done => {
                self.server.finish();
                self.work(now_ms);
            }
            Event::Answered { attempt, answer } => {
                if let Some((call, facts)) = self.settle(now_ms, attempt) {
                    if answer.is_success() {
                        self.clients
                            .succeed(call.client, &facts, call.after, answer.left);
                        self.end(now_ms, attempt.call, true);
                    } else {
                        let decision = self.clients.fail(call.client, &facts, answer);
                        self.follow(now_ms, attempt.call, decision);
                    }
                }
            }
            Event::TimedOut { attempt } => {
                if let Some((call, facts)) = self.settle(now_ms, attempt) {
                    let decision = self.clients.time_out(call.client, &facts);
                    self.follow(now_ms, attempt.call, decision);
                }
            }
        }
    }

    /// Plans the next call to come by itself.
    fn plan_arrival(&mut self) {
        let Load::Open {
            calls_per_second,
            surge,
            ..
        } = self.scenario.load
        else {
            return;
        };
        let extra = surge
            .filter(|surge| (surge.from_ms..surge.until_ms).contains(&(self.arrival_ms as u64)));
        let rate = calls_per_second + extra.map_or(0, |surge| surge.calls_per_second);
        self.arrival_ms += self.arrivals.exponential(1000.0 / rate as f64);
        self.queue.push(self.arrival_ms as u64, Event::Arrival);
    }

    fn plan_worker(&mut self, now_ms: u64, client: u32, pause_ms: u64) {
        let pause_ms = self.arrivals.exponential(pause_ms as f64) as u64;
        self.queue.push(now_ms + pause_ms, Event::Worker { client });
    }

    fn begin(&mut self, now_ms: u64, client: u32) {
        self.recorder.begin(now_ms);
        let call = self.calls.open(now_ms, client, self.seeds.bits());
        self.send(now_ms, call);
    }

    /// Sends the next attempt of a call, if it may be sent.
    fn send(&mut self, now_ms: u64, index: u32) {
        let deadline_ms = self.scenario.deadline_ms;
        let Some(call) = self.calls.get(index) else {
            return;
        };
        if now_ms >= call.began_ms + deadline_ms {
            return self.end(now_ms, index, false);
        }
        let facts = call.facts(now_ms, deadline_ms);
        match self.clients.admit(call.client, &facts, call.ticket) {
            Admission::Send => self.transmit(now_ms, index),
            Admission::Wait {
                after_ms, ticket, ..
            } => {
                call.ticket = ticket;
                // Whoever may not send now can't be told to ask again now.
                let at_ms = now_ms + after_ms.max(1);
                self.queue.push(at_ms, Event::Send { call: index });
            }
            Admission::Refuse(_) => self.end(now_ms, index, false),
        }
    }

    fn transmit(&mut self, now_ms: u64, index: u32) {
        let Some(call) = self.calls.get(index) else {
            return;
        };
        call.number = call.number.wrapping_add(1);
        call.sent += 1;
        let timeout_ms = now_ms + self.scenario.attempt_timeout_ms;
        let until_ms = timeout_ms.min(call.began_ms + self.scenario.deadline_ms);
        let attempt = Attempt {
            call: index,
            number: call.number,
            until_ms: u32::try_from(until_ms).unwrap_or(u32::MAX),
        };
        let OpenCall {
            client,
            began_ms,
            seed,
            ..
        } = *call;
        self.recorder.send(now_ms, began_ms);
        match self.server.receive(now_ms, attempt, client, seed) {
            Received::Answered(answer) => self.answer(now_ms, attempt, answer),
            Received::Swallowed => {
                self.plan_timeout(attempt);
            }
            Received::Accepted => {
                self.work(now_ms);
                if self.server.is_late() {
                    // It may still be answered in time; whichever is first counts.
                    self.plan_timeout(attempt);
                }
            }
        }
    }

    /// Lets the server begin whatever it has room for.
    fn work(&mut self, now_ms: u64) {
        while let Some(started) = self.server.start(now_ms) {
            let Started {
                attempt,
                answer,
                done_ms,
            } = started;
            self.queue.push(done_ms, Event::Done);
            self.answer(done_ms, attempt, answer);
        }
    }

    /// Sends an answer back, if anybody waits for it by then.
    fn answer(&mut self, sent_ms: u64, attempt: Attempt, answer: Answer) {
        let at_ms = sent_ms + self.scenario.server.round_trip_ms;
        if at_ms < u64::from(attempt.until_ms) {
            self.queue.push(at_ms, Event::Answered { attempt, answer });
        } else {
            self.plan_timeout(attempt);
        }
    }

    fn plan_timeout(&mut self, attempt: Attempt) {
        let at_ms = u64::from(attempt.until_ms);
        self.queue.push(at_ms, Event::TimedOut { attempt });
    }

    /// Ends an attempt, if it hasn't ended otherwise.
    fn settle(&mut self, now_ms: u64, attempt: Attempt) -> Option<(OpenCall, Call<'static>)> {
        let call = self.calls.get(attempt.call)?;
        if call.number != attempt.number {
            return None;
        }
        call.number = call.number.wrapping_add(1);
        let facts = call.facts(now_ms, self.scenario.deadline_ms);
        Some((*call, facts))
    }

    /// Does what the policy decided.
    fn follow(&mut self, now_ms: u64, index: u32, decision: Decision) {
        if decision.action() != Action::Retry {
            return self.end(now_ms, index, false);
        }
        if let Some(call) = self.calls.get(index) {
            call.try_again(decision);
            let at_ms = now_ms + decision.after_ms();
            self.queue.push(at_ms, Event::Send { call: index });
        }
    }

    fn end(&mut self, now_ms: u64, index: u32, succeeded: bool) {
        let Some(call) = self.calls.close(index) else {
            return;
        };
        let OpenCall {
            client, began_ms, ..
        } = call;
        self.recorder.end(now_ms, began_ms, call.sent, succeeded);
        if let Load::Closed { pause_ms, .. } = self.scenario.load {
            self.plan_worker(now_ms, client, pause_ms);
        }
    }
}
