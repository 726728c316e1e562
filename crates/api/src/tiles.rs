//! `/v1/log/tile`: the hash tree and its entries as C2SP tlog-tiles lays them out. A tile's name
//! has slashes in it, which OpenAPI cannot say, so these two are documented at the checkpoint.

use axum::Router;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use quipu_proofs::{FormatError, ProofError, Proofs, TilePath};

use crate::parameters::{NoParameters, PathIds, StrictQuery};
use crate::problem::{Code, Problem};
use crate::reading::blocking;
use crate::state::State;

pub(crate) fn router() -> Router<State> {
    Router::new()
        .route("/v1/log/tile/entries/{*tile}", get(entries))
        .route("/v1/log/tile/{level}/{*tile}", get(hashes))
}

async fn hashes(
    Shared(state): Shared<State>,
    PathIds((level, tile)): PathIds<(String, String)>,
    StrictQuery(NoParameters {}): StrictQuery<NoParameters>,
) -> Result<Response, Problem> {
    let Some(level) =
        level.parse::<u32>().ok().filter(|number| number.to_string() == level && *number < 64)
    else {
        return Err(no_tile("the level of a tile is a number from 0 to 63"));
    };
    tile_of(state.proofs.clone(), tile, move |proofs, path| proofs.tile(level, path)).await
}

async fn entries(
    Shared(state): Shared<State>,
    PathIds(tile): PathIds<String>,
    StrictQuery(NoParameters {}): StrictQuery<NoParameters>,
) -> Result<Response, Problem> {
    tile_of(state.proofs.clone(), tile, |proofs, path| proofs.entries(path)).await
}

async fn tile_of(
    proofs: Proofs,
    tile: String,
    read: impl FnOnce(&Proofs, TilePath) -> Result<Option<Vec<u8>>, ProofError> + Send + 'static,
) -> Result<Response, Problem> {
    let path = tile.parse().map_err(|error: FormatError| no_tile(&error.to_string()))?;
    let Some(bytes) = blocking(move || read(&proofs, path)).await? else {
        return Err(Problem::new(
            Code::NotFound,
            "the journal has no events there yet",
            "ask for no more than the checkpoint's size says there is",
        ));
    };
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    let binary = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, binary);
    // J6: what was hashed never changes within an epoch, but the next one has the same addresses.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

fn no_tile(why: &str) -> Problem {
    Problem::new(Code::InvalidPath, why, "see https://c2sp.org/tlog-tiles for how tiles are named")
}
