//! The five endpoints: method, path, options, what a request changes, and what its response must
//! say.

use std::time::Duration;

use crate::call::{self, Call, Effect};
use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::outcome::Outcome;
use crate::token::{Criteria, DeleteResponse, Jwt, KeyId, Token, Tokens, read_jwt};
use crate::transport::{Failure, Method, Response};

/// The lifetimes that a new token may have, in seconds.
pub(crate) const TTL: std::ops::RangeInclusive<u64> = 60..=31_536_000;

/// Creates a token: `GET /tokens/generate`.
///
/// The service shows the token only in this response. Store it, or delete it by its
/// [Key ID](Jwt::key_id).
///
/// A request that the service may have acted on is **never sent again**, because each one creates a
/// token. (The vendor's SDK repeats this request behind a gateway that times out, which can leave
/// two orphaned tokens.) It has a connection of its own, so that nothing left on an older one can
/// be taken for its response.
///
/// # Errors
///
/// - [`Error::Invalid`] if an option is out of range. No request was sent.
/// - [`ErrorKind::Api`] if the service refused: 401 or 403.
/// - If [`outcome_unknown()`](Error::outcome_unknown) is true, there may be an orphaned token.
///   [List](get_all_tokens) the tokens and delete it.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
/// use ionoscloud_auth::{
///     Client, CreateTokenOptions, DeleteTokenByIdOptions, create_token, delete_token_by_id,
/// };
///
/// let client = Client::from_env()?;
/// let jwt = create_token(&client, &CreateTokenOptions::new().ttl(Duration::from_secs(3600)))?;
/// if let Err(error) = jwt.save("token") {
///     delete_token_by_id(&client, &DeleteTokenByIdOptions::new(jwt.key_id()?))?;
///     return Err(error.into());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn create_token(client: &Client, options: &CreateTokenOptions) -> Result<Jwt> {
    create(client, options, None)
}

/// Creates a token. It must be another one than the client's own and the one that it replaces.
pub(crate) fn create(
    client: &Client,
    options: &CreateTokenOptions,
    replaced: Option<&KeyId>,
) -> Result<Jwt> {
    let target = match options.ttl.map(|ttl| ttl.as_secs()) {
        None => "/tokens/generate".to_owned(),
        Some(ttl) if TTL.contains(&ttl) => format!("/tokens/generate?ttl={ttl}"),
        Some(ttl) => {
            let (min, max) = (TTL.start(), TTL.end());
            let reason = format!("is {ttl} s, but must be from {min} s to {max} s (a year)");
            return Err(Error::invalid("ttl", reason));
        }
    };
    let call = Call {
        method: Method::GET,
        endpoint: "GET /tokens/generate",
        target: &target,
        contract_number: options.contract_number,
        effect: Effect::Once(
            "a token may have been created: list the tokens, and delete the one that you did not \
             receive",
        ),
        returns_secret: true,
    };
    let own = client.key_id();
    call::run(client, &call, |response, _| {
        let jwt = response.json_by(read_jwt)?;
        let new = jwt.key_id().ok();
        // Not every token is a JWT: its text is compared, too.
        let is_own = client.token() == Some(jwt.token().trim());
        if is_own || new.is_some() && (new == own || new.as_ref() == replaced) {
            return Err(Failure::unreadable(
                "it contains a token that existed before: a proxy or gateway in between caches \
                 responses",
            ));
        }
        Ok(jwt)
    })
}

/// Options of [`create_token`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct CreateTokenOptions {
    pub(crate) ttl: Option<Duration>,
    pub(crate) contract_number: Option<u32>,
}

impl CreateTokenOptions {
    /// Returns the defaults: the service's lifetime, which is a year, and the client's contract.
    pub fn new() -> CreateTokenOptions {
        CreateTokenOptions::default()
    }

    /// Sets how long the token is valid, from 60 s to 31,536,000 s (365 days). The service's
    /// default is 365 days; the vendor calls it subject to change. Fractions of a second are
    /// dropped.
    pub fn ttl(mut self, ttl: Duration) -> CreateTokenOptions {
        self.ttl = Some(ttl);
        self
    }

    /// Sets the contract that the token is for, from 1 to 2147483647. Default: the client's.
    pub fn contract_number(mut self, number: u32) -> CreateTokenOptions {
        self.contract_number = Some(number);
        self
    }
}

/// Lists all of the user's tokens: `GET /tokens`.
///
/// A user may have up to 100 tokens, and the service returns them all at once.
///
/// # Errors
///
/// - [`ErrorKind::Api`] if the service refused: 401 or 403.
/// - [`ErrorKind::Unreadable`] if an entry of the list has no usable `id`.
///
/// # Examples
///
/// ```no_run
/// use ionoscloud_auth::{Client, GetAllTokensOptions, get_all_tokens};
///
/// let client = Client::from_env()?;
/// for token in get_all_tokens(&client, &GetAllTokensOptions::new())?.tokens {
///     println!("{}  {:?}", token.id, token.expires_at()?);
/// }
/// # Ok::<(), ionoscloud_auth::Error>(())
/// ```
pub fn get_all_tokens(client: &Client, options: &GetAllTokensOptions) -> Result<Tokens> {
    let call = Call {
        method: Method::GET,
        endpoint: "GET /tokens",
        target: "/tokens",
        contract_number: options.contract_number,
        effect: Effect::Reads,
        returns_secret: false,
    };
    call::run(client, &call, |response, _| response.json())
}

/// Options of [`get_all_tokens`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct GetAllTokensOptions {
    pub(crate) contract_number: Option<u32>,
}

impl GetAllTokensOptions {
    /// Returns the defaults: the tokens of the client's contract.
    pub fn new() -> GetAllTokensOptions {
        GetAllTokensOptions::default()
    }

    /// Sets the contract whose tokens are listed, from 1 to 2147483647. Default: the client's.
    pub fn contract_number(mut self, number: u32) -> GetAllTokensOptions {
        self.contract_number = Some(number);
        self
    }
}

/// Reads one token's metadata: `GET /tokens/{tokenId}`.
///
/// The response does not contain the token's secret.
///
/// # Errors
///
/// [`ErrorKind::Api`] if the service refused: 401 or 403, or 404 if the user has no such token.
///
/// # Examples
///
/// ```no_run
/// use ionoscloud_auth::{Client, Error, GetTokenByIdOptions, KeyId, get_token_by_id};
///
/// let client = Client::from_env()?;
/// let id = KeyId::new("f13a5c54-8228-4b7e-9414-61313ce723d1")?;
/// match get_token_by_id(&client, &GetTokenByIdOptions::new(id)) {
///     Ok(token) => println!("expires {}", token.expiration_date),
///     Err(Error::Call(error)) if error.status == Some(404) && !error.messages.is_empty() => {
///         println!("the service has no such token")
///     }
///     Err(error) => return Err(error),
/// }
/// # Ok::<(), ionoscloud_auth::Error>(())
/// ```
pub fn get_token_by_id(client: &Client, options: &GetTokenByIdOptions) -> Result<Token> {
    let call = Call {
        method: Method::GET,
        endpoint: "GET /tokens/{tokenId}",
        target: &format!("/tokens/{}", options.id),
        contract_number: options.contract_number,
        effect: Effect::Reads,
        returns_secret: false,
    };
    call::run(client, &call, |response, _| {
        let token: Token = response.json()?;
        if token.id != options.id {
            return Err(Failure::unreadable(
                "it describes another token than the one asked for: a proxy or gateway in between \
                 caches responses",
            ));
        }
        Ok(token)
    })
}

/// Options of [`get_token_by_id`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct GetTokenByIdOptions {
    pub(crate) id: KeyId,
    pub(crate) contract_number: Option<u32>,
}

impl GetTokenByIdOptions {
    /// Selects the token with this Key ID.
    pub fn new(id: impl Into<KeyId>) -> GetTokenByIdOptions {
        GetTokenByIdOptions {
            id: id.into(),
            contract_number: None,
        }
    }

    /// Sets the contract that the token is for, from 1 to 2147483647. Default: the client's.
    pub fn contract_number(mut self, number: u32) -> GetTokenByIdOptions {
        self.contract_number = Some(number);
        self
    }
}

/// Deletes one token: `DELETE /tokens/{tokenId}`.
///
/// `Ok` means that the token is gone, because the service said so: with `{"success": true}`, or,
/// after an attempt that may have worked, with its own 404. An attempt whose outcome is unknown may
/// be [repeated](crate::docs::errors#what-is-retried), for example after a lost connection or a
/// gateway's 503.
///
/// # Errors
///
/// - [`ErrorKind::Api`] if the service refused: 401 or 403, 404 if the user has no such token, or a
///   response with `{"success": false}`.
/// - [`ErrorKind::Unreadable`] if the response does not say that the token is gone: a 202, or an
///   empty response, which a gateway may have sent.
///
/// # Examples
///
/// ```no_run
/// use ionoscloud_auth::{Client, DeleteTokenByIdOptions, KeyId, delete_token_by_id};
///
/// let client = Client::from_env()?;
/// let id = KeyId::new("f13a5c54-8228-4b7e-9414-61313ce723d1")?;
/// delete_token_by_id(&client, &DeleteTokenByIdOptions::new(id))?;
/// # Ok::<(), ionoscloud_auth::Error>(())
/// ```
pub fn delete_token_by_id(
    client: &Client,
    options: &DeleteTokenByIdOptions,
) -> Result<DeleteResponse> {
    let call = Call {
        method: Method::DELETE,
        endpoint: "DELETE /tokens/{tokenId}",
        target: &format!("/tokens/{}", options.id),
        contract_number: options.contract_number,
        effect: Effect::Repeatable(
            "the token may have been deleted: delete it again; the service's own 404 then \
             means that it is gone",
        ),
        returns_secret: false,
    };
    call::run(client, &call, |response, may_have_worked| {
        if response.status == 404 && may_have_worked && response.is_by_service() {
            return Ok(DeleteResponse { success: true });
        }
        deleted(response)
    })
}

/// Options of [`delete_token_by_id`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct DeleteTokenByIdOptions {
    pub(crate) id: KeyId,
    pub(crate) contract_number: Option<u32>,
}

impl DeleteTokenByIdOptions {
    /// Selects the token with this Key ID.
    pub fn new(id: impl Into<KeyId>) -> DeleteTokenByIdOptions {
        DeleteTokenByIdOptions {
            id: id.into(),
            contract_number: None,
        }
    }

    /// Sets the contract that the token is for, from 1 to 2147483647. Default: the client's.
    pub fn contract_number(mut self, number: u32) -> DeleteTokenByIdOptions {
        self.contract_number = Some(number);
        self
    }
}

/// Deletes tokens by [`Criteria`]: `DELETE /tokens?criteria=…`.
///
/// If the outcome of an attempt is unknown, `EXPIRED` may be
/// [sent again](crate::docs::errors#what-is-retried). `ALL` and `CURRENT` never are: they may have
/// deleted the token that the call uses, and a second request would then fail.
///
/// The live service has refused `CURRENT` with 401 even for a valid token. To delete the client's
/// own token, use [`delete_token_by_id`] with [`Client::key_id`]. The vendor's CLI does the same.
///
/// # Errors
///
/// - [`Error::Invalid`] for [`Criteria::Current`] if the client does not use a token. No request
///   was sent.
/// - [`ErrorKind::Api`] if the service refused: 401 or 403, or a response with
///   `{"success": false}`.
/// - If [`outcome_unknown()`](Error::outcome_unknown) is true, the tokens may be gone.
///   [List](get_all_tokens) them.
///
/// # Examples
///
/// ```no_run
/// use ionoscloud_auth::{Client, Criteria, DeleteTokenByCriteriaOptions, delete_token_by_criteria};
///
/// let client = Client::from_env()?;
/// delete_token_by_criteria(&client, &DeleteTokenByCriteriaOptions::new(Criteria::Expired))?;
/// # Ok::<(), ionoscloud_auth::Error>(())
/// ```
pub fn delete_token_by_criteria(
    client: &Client,
    options: &DeleteTokenByCriteriaOptions,
) -> Result<DeleteResponse> {
    if options.criteria == Criteria::Current && client.token().is_none() {
        return Err(Error::invalid(
            "criteria",
            "is CURRENT, which deletes the client's own token, but this client uses a user name \
             and password: use delete_token_by_id",
        ));
    }
    let if_unknown = "tokens may have been deleted: list them to see which remain";
    let call = Call {
        method: Method::DELETE,
        endpoint: "DELETE /tokens",
        target: &format!("/tokens?criteria={}", options.criteria.as_str()),
        contract_number: options.contract_number,
        effect: match options.criteria {
            Criteria::Expired => Effect::Repeatable(if_unknown),
            // They may have deleted the token that the call uses.
            Criteria::All | Criteria::Current => Effect::Once(if_unknown),
        },
        returns_secret: false,
    };
    call::run(client, &call, |response, _| deleted(response))
}

/// Reads the response to a deletion, which succeeds only if the response says so.
fn deleted(response: &Response) -> Result<DeleteResponse, Failure> {
    let deleted: DeleteResponse = response.json()?;
    match (response.status, deleted.success) {
        (202, _) => Err(Failure::unreadable(
            "it accepts the deletion, but does not say that it was done",
        )),
        (_, true) => Ok(deleted),
        (_, false) => Err(Failure {
            kind: ErrorKind::Api,
            reason: "the service says that nothing was deleted".to_owned(),
            outcome: Outcome::Answered,
            is_final: true,
        }),
    }
}

/// Options of [`delete_token_by_criteria`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct DeleteTokenByCriteriaOptions {
    pub(crate) criteria: Criteria,
    pub(crate) contract_number: Option<u32>,
}

impl DeleteTokenByCriteriaOptions {
    /// Selects the tokens to delete.
    pub fn new(criteria: Criteria) -> DeleteTokenByCriteriaOptions {
        DeleteTokenByCriteriaOptions {
            criteria,
            contract_number: None,
        }
    }

    /// Sets the contract whose tokens are deleted, from 1 to 2147483647. Default: the client's.
    pub fn contract_number(mut self, number: u32) -> DeleteTokenByCriteriaOptions {
        self.contract_number = Some(number);
        self
    }
}
