//! The description of the interface, as OpenAPI 3.1. The file is written by hand; a test holds it to the routes.

use serde_json::Value;

const TEXT: &str = include_str!("openapi.json");

pub fn description() -> Value {
    let mut content: Value = serde_json::from_str(TEXT).unwrap_or_default();
    content["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    content
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::serve::routes::Route;

    #[test]
    fn what_is_described_is_what_there_is() {
        let content = description();
        let described: BTreeSet<_> = content["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                methods.as_object().unwrap().keys().map(move |method| (path.clone(), method.to_uppercase()))
            })
            .collect();
        let routes = Route::ALL.map(|route| (route.path().to_owned(), route.method().to_string()));
        assert_eq!(described, BTreeSet::from(routes));
    }

    #[test]
    fn what_needs_a_token_is_said() {
        let content = description();
        for route in Route::ALL {
            let operation = &content["paths"][route.path()][route.method().as_str().to_lowercase()];
            assert_eq!(operation.get("security").is_some(), route.is_guarded(), "{route:?}");
            assert_eq!(operation["responses"].get("401").is_some(), route.is_guarded(), "{route:?}");
            assert!(
                operation["responses"].get("200").is_some() && operation["summary"].is_string(),
                "{route:?}"
            );
        }
        assert_eq!(content["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}
