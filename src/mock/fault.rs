use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::server::MockRequest;

/// How a [`MockAuthApi`](super::MockAuthApi) misbehaves on a request. A status is from 200 to 599.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MockFault {
    /// Closes the connection without acting on the request.
    HangUp,
    /// Acts on the request, then closes the connection without a response.
    LoseAnswer,
    /// Acts on the request, then closes the connection before the end of the response.
    Truncate,
    /// Acts on the request at once, and responds this much later.
    Delay(Duration),
    /// Responds with this status in the service's own error model, without acting.
    Status(u16),
    /// Responds with this status and a gateway's page, without acting.
    Gateway(u16),
    /// Acts on the request, then responds with this status and a gateway's page.
    ///
    /// A status that no gateway sends after it passed a request on, such as 401, 413 or 429, makes
    /// the client report that the service did not act.
    GatewayAfterActing(u16),
}

pub(super) enum Order {
    Response(Vec<u8>),
    Fault(MockFault),
}

/// The orders that are not carried out yet.
#[derive(Default)]
pub(super) struct Orders {
    /// The number of requests so far.
    requests: usize,
    /// Orders by the number of the request.
    numbered: BTreeMap<usize, Order>,
    pub(super) next_creates: VecDeque<MockFault>,
    pub(super) next_deletes: VecDeque<MockFault>,
}

impl Orders {
    /// Orders a response for the next `n` requests that have no order yet.
    pub(super) fn answer_next(&mut self, n: usize, response: &[u8]) {
        let numbers = self.requests + 1..;
        let free = numbers.filter(|number| !self.numbered.contains_key(number));
        for number in free.take(n).collect::<Vec<_>>() {
            self.numbered
                .insert(number, Order::Response(response.to_vec()));
        }
    }

    /// Orders a fault for the `n`-th request from now on; 1 is the next one.
    pub(super) fn fail_nth(&mut self, n: usize, fault: MockFault) {
        let number = self.requests.saturating_add(n);
        self.numbered.insert(number, Order::Fault(fault));
    }

    /// Returns the order for this request, which is the next one.
    pub(super) fn take(&mut self, request: &MockRequest) -> Option<Order> {
        self.requests += 1;
        if let Some(order) = self.numbered.remove(&self.requests) {
            return Some(order);
        }
        let path = request.target.split('?').next()?;
        let fault = match request.method.as_str() {
            "GET" if path.ends_with("/tokens/generate") => self.next_creates.pop_front(),
            "DELETE" => self.next_deletes.pop_front(),
            _ => None,
        };
        fault.map(Order::Fault)
    }
}
