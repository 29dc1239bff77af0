//! Faults that a test can order. They do not depend on the API.

use std::collections::BTreeMap;
use std::time::Duration;

use super::server::{Answer, Request, Response};

/// How a [`MockAuthApi`](super::MockAuthApi) misbehaves on a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MockFault {
    /// Closes the connection without acting on the request.
    HangUp,
    /// Acts on the request, then closes the connection without a response.
    LoseAnswer,
    /// Acts on the request, then closes the connection in the middle of the response.
    Truncate,
    /// Acts on the request at once, and responds this much later.
    Delay(Duration),
    /// Responds with this status in the service's own error model, without acting.
    Status(u16),
    /// Responds with this status and a gateway's page, without acting.
    Gateway(u16),
    /// Acts on the request, then responds with this status and a gateway's page.
    GatewayAfterActing(u16),
}

/// The kind of request that a fault is ordered for.
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

/// The orders that are not carried out yet.
#[derive(Default)]
pub(super) struct Orders {
    /// The number of requests so far.
    requests: usize,
    /// Orders by the number of the request.
    numbered: BTreeMap<usize, Order>,
    next: Vec<(Next, MockFault)>,
}

pub(super) enum Order {
    Answer(Response),
    Fault(MockFault),
}

impl Orders {
    /// Orders a response for the next `n` requests that have no order yet.
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

    /// Orders a fault for the `n`-th request from now on; 1 is the next one.
    pub(super) fn fault(&mut self, n: usize, fault: MockFault) {
        let number = self.requests.saturating_add(n);
        self.numbered.insert(number, Order::Fault(fault));
    }

    pub(super) fn fault_of_next(&mut self, next: Next, fault: MockFault) {
        self.next.push((next, fault));
    }

    /// Returns the order for this request, which is the next one.
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
    /// Returns the answer. `act` carries out the request, `refuse` makes the service's own error.
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
        body: format!("<html><body><h1>{status}</h1>a page of a gateway</body></html>"),
    }
}
