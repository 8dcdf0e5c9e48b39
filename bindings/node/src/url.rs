//! The URL of a request that a server of Node's has read: made, and refused, as listeners do it.

use nano_http::h1::{Fault, Scheme, request_url as url_of};
use napi::bindgen_prelude::Either;
use napi_derive::napi;

/// What a client is told instead of an answer: the status, and a body of the type `application/problem+json`, or an empty one, which is none.
type Refusal = (u32, String);

/// `hosts` are those that the request names: there is to be one.
#[napi(catch_unwind)]
pub fn request_url(method: String, target: String, hosts: Vec<String>, is_secure: bool) -> Either<String, Refusal> {
    let scheme = if is_secure { Scheme::Https } else { Scheme::Http };
    let url = match &*hosts {
        [host] => url_of(method.as_bytes(), &target, host, scheme),
        [] => Err(Fault::HostMissing),
        _ => Err(Fault::HostTwice),
    };
    match url {
        Ok((url, false)) => Either::A(url),
        // What is about the server as a whole is no app's to answer.
        Ok((_, true)) => Either::B((204, String::new())),
        Err(fault) => {
            let problem = fault.problem();
            Either::B((problem.status.into(), problem.body("")))
        }
    }
}
