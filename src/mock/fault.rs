//! What can be made to go wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use super::server::{Answer, Request, Response};

/// What goes wrong with a request to a [`MockAuthApi`](super::MockAuthApi).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MockFault {
    /// The connection ends without a response, and nothing was done.
    HangUp,
    /// What was asked is done, and then the connection ends without a response: the answer is lost.
    /// A client can't know it.
    LoseAnswer,
    /// What was asked is done, and the connection ends in the middle of the response.
    Truncate,
    /// What was asked is done at once, and answered this much later.
    Delay(Duration),
    /// The service's own error of this status, and nothing is done.
    Status(u16),
    /// A gateway's page of this status, such as 502 or 504, and nothing is done.
    Gateway(u16),
    /// A gateway's page of this status, after what was asked has been done.
    GatewayAfterActing(u16),
}

/// Which request something goes wrong with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Create,
    Delete,
}

impl Next {
    fn is(self, request: &Request) -> bool {
        let path = request.target.split('?').next().unwrap_or_default();
        let is_create = path.ends_with("/tokens/generate");
        match self {
            Next::Create => request.method == "GET" && is_create,
            Next::Delete => request.method == "DELETE",
        }
    }
}

/// What is ordered, and not carried out yet.
#[derive(Default)]
pub(super) struct Orders {
    /// How many requests there have been.
    requests: usize,
    /// By the number of the request.
    numbered: BTreeMap<usize, Order>,
    next: Vec<(Next, MockFault)>,
}

pub(super) enum Order {
    Answer(Response),
    Fault(MockFault),
}

impl Orders {
    /// For the first `n` requests from now on that nothing is ordered for.
    pub(super) fn answer(&mut self, n: usize, response: impl Fn() -> Response) {
        let mut number = self.requests;
        for _ in 0..n {
            number += 1;
            while self.numbered.contains_key(&number) {
                number += 1;
            }
            self.numbered.insert(number, Order::Answer(response()));
        }
    }

    /// For the `n`-th request from now on; 1 is the next one.
    pub(super) fn fault(&mut self, n: usize, fault: MockFault) {
        let number = self.requests.saturating_add(n);
        self.numbered.insert(number, Order::Fault(fault));
    }

    pub(super) fn fault_of_next(&mut self, next: Next, fault: MockFault) {
        self.next.push((next, fault));
    }

    /// What is ordered for this request, which is the next one.
    pub(super) fn take(&mut self, request: &Request) -> Option<Order> {
        self.requests += 1;
        if let Some(order) = self.numbered.remove(&self.requests) {
            return Some(order);
        }
        let position = self.next.iter().position(|(next, _)| next.is(request))?;
        Some(Order::Fault(self.next.remove(position).1))
    }
}

impl Order {
    /// `act` does what was asked; `refuse` is the service's own error.
    pub(super) fn answer(
        self,
        act: impl FnOnce() -> Response,
        refuse: impl FnOnce(u16) -> Response,
    ) -> Answer {
        let fault = match self {
            Order::Answer(response) => return Answer::Whole(response),
            Order::Fault(fault) => fault,
        };
        match fault {
            MockFault::HangUp => Answer::Nothing,
            MockFault::LoseAnswer => {
                act();
                Answer::Nothing
            }
            MockFault::Truncate => Answer::Half(act()),
            MockFault::Delay(delay) => Answer::Late(delay, Box::new(Answer::Whole(act()))),
            MockFault::Status(status) => Answer::Whole(refuse(status)),
            MockFault::Gateway(status) => Answer::Whole(page(status)),
            MockFault::GatewayAfterActing(status) => {
                act();
                Answer::Whole(page(status))
            }
        }
    }
}

fn page(status: u16) -> Response {
    Response {
        status,
        headers: vec![("Content-Type".to_owned(), "text/html".to_owned())],
        body: format!("<html><body><h1>{status}</h1>a gateway of the mock</body></html>"),
    }
}
