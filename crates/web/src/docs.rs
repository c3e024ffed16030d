//! The two pages that show the OpenAPI document, Swagger UI at `/docs` and ReDoc at `/redoc`, and the files they need.
//!
//! Everything is in the binary and nothing is asked of another host. The scripts are kept and sent gzip-compressed,
//! under addresses that carry their hash, so that a browser may keep them for ever. Where they come from is written in
//! `assets/LICENSES.md`. Knows nothing of the document itself.

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::LazyLock,
};

/// What Swagger UI may load: its own files, its own inline styles, and the API that it shows.
const SWAGGER_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

/// What ReDoc may load: its search runs in a worker that it makes of its own text.
const REDOC_POLICY: &str = "default-src 'none'; script-src 'self'; worker-src blob:; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

/// The paths of [`assets`]: files of the two pages, no part of the API.
pub(crate) const ASSET_PATHS: [&str; 6] =
    [ASSETS[0].path, ASSETS[1].path, ASSETS[2].path, ASSETS[3].path, ASSETS[4].path, ASSETS[5].path];

struct Asset {
    path: &'static str,
    content_type: &'static str,
    gzip: bool,
    bytes: &'static [u8],
}

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

const ASSETS: [Asset; 6] = [
    Asset {
        path: "/docs/swagger-ui-bundle.js",
        content_type: JAVASCRIPT,
        gzip: true,
        bytes: include_bytes!("../assets/swagger-ui-bundle.js.gz"),
    },
    Asset {
        path: "/docs/swagger-ui.css",
        content_type: "text/css; charset=utf-8",
        gzip: true,
        bytes: include_bytes!("../assets/swagger-ui.css.gz"),
    },
    Asset {
        path: "/docs/start.js",
        content_type: JAVASCRIPT,
        gzip: false,
        bytes: include_bytes!("../assets/swagger-start.js"),
    },
    Asset {
        path: "/docs/licenses.txt",
        content_type: "text/plain; charset=utf-8",
        gzip: false,
        bytes: include_bytes!("../assets/LICENSES.md"),
    },
    Asset {
        path: "/redoc/redoc.standalone.js",
        content_type: JAVASCRIPT,
        gzip: true,
        bytes: include_bytes!("../assets/redoc.standalone.js.gz"),
    },
    Asset {
        path: "/redoc/start.js",
        content_type: JAVASCRIPT,
        gzip: false,
        bytes: include_bytes!("../assets/redoc-start.js"),
    },
];

/// A hash of each asset, in the order of [`ASSETS`].
static HASHES: LazyLock<[String; 6]> = LazyLock::new(|| {
    ASSETS.map(|asset| {
        let mut hasher = DefaultHasher::new();
        asset.bytes.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    })
});

static SWAGGER: LazyLock<String> = LazyLock::new(|| with_hashes(include_str!("../assets/swagger.html")));
static REDOC: LazyLock<String> = LazyLock::new(|| with_hashes(include_str!("../assets/redoc.html")));

/// Every address of an asset gets its hash: another asset, another address.
fn with_hashes(page: &str) -> String {
    ASSETS.iter().zip(HASHES.iter()).fold(page.to_owned(), |page, (asset, hash)| {
        page.replace(&format!("\"{}\"", asset.path), &format!("\"{}?{hash}\"", asset.path))
    })
}

/// `GET /docs`.
pub(crate) async fn swagger() -> Response {
    page(&SWAGGER, SWAGGER_POLICY)
}

/// `GET /redoc`.
pub(crate) async fn redoc() -> Response {
    page(&REDOC, REDOC_POLICY)
}

fn page(html: &'static str, policy: &'static str) -> Response {
    let headers = [(header::CONTENT_SECURITY_POLICY, policy), (header::CACHE_CONTROL, "no-cache")];
    (headers, Html(html)).into_response()
}

/// The files of the two pages, at [`ASSET_PATHS`].
pub(crate) fn assets<S: Clone + Send + Sync + 'static>() -> Router<S> {
    ASSET_PATHS.iter().fold(Router::new(), |router, path| router.route(path, get(asset)))
}

async fn asset(request: Request) -> Response {
    let path = request.uri().path().trim_end_matches('/');
    match ASSETS.iter().zip(HASHES.iter()).find(|(asset, _)| asset.path == path) {
        Some((asset, hash)) => send(asset, &format!("\"{hash}\""), request.headers()),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn send(asset: &'static Asset, etag: &str, asked: &HeaderMap) -> Response {
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|tags| {
        tags.as_bytes() == b"*"
            || tags.to_str().is_ok_and(|tags| tags.split(',').any(|tag| tag.trim() == etag))
    });
    let headers = [
        (header::ETAG, etag),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::CONTENT_TYPE, asset.content_type),
    ];
    let encoding = asset.gzip.then_some([(header::CONTENT_ENCODING, "gzip")]);
    match (known, encoding) {
        (true, _) => (StatusCode::NOT_MODIFIED, headers).into_response(),
        (false, Some(encoding)) => (headers, encoding, asset.bytes).into_response(),
        (false, None) => (headers, asset.bytes).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_name_no_other_host_and_only_assets_that_are_there() {
        for page in [&*SWAGGER, &*REDOC] {
            let addresses =
                page.split(['"', '\'']).filter(|text| text.starts_with('/') || text.contains("//"));
            for address in addresses {
                let path = address.split('?').next().unwrap();
                assert!(path == "/openapi.json" || ASSET_PATHS.contains(&path), "{address}");
                assert_eq!(path == "/openapi.json", !address.contains('?'), "{address}");
            }
        }
    }

    #[test]
    fn a_compressed_asset_is_gzip() {
        for asset in ASSETS {
            assert_eq!(asset.gzip, asset.bytes.starts_with(&[0x1f, 0x8b]), "{}", asset.path);
        }
    }
}
