//! The body of a request: JSON that means one thing only, or a problem that says where it does not.
//!
//! One parser reads it, once: unknown fields, duplicate fields, trailing text, wrong types and
//! nesting are refused while the request's own struct is filled. Only a body that is refused is
//! read a second time, to name the place.

mod body;
mod diagnosis;
mod fault;

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

pub(crate) use body::{MediaType, read_body, require};
pub(crate) use diagnosis::{decode, decode_part, of_message};
pub(crate) use fault::fault;

use crate::problem::Problem;
use crate::state::State;
use crate::wire::Object;

/// The body, parsed strictly.
pub(crate) struct StrictJson<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<State> for StrictJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<StrictJson<T>, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read_body(&parts.headers, body, state.limits.body_bytes, &state.limits).await?;
        require(&parts.headers, &[MediaType::Json])?;
        decode::<Object<T>>(&bytes).map(|object| StrictJson(object.0))
    }
}
