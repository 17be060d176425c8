//! The HTTP client as kiln wants it: proxies and certificates from the environment, a limit on silence, and
//! faults sorted by whether the other side ever answered. Leaves files to `download`.

use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use ureq::config::Config;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Proxy, Timeout};

/// How long to wait, and how often to try.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the name to be looked up, and again for the connection.
    pub connect: Duration,
    /// Without a single byte.
    pub silence: Duration,
    /// Before the second attempt; doubled before each further one.
    pub pause: Duration,
    /// In a row that brought nothing new.
    pub attempts: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            silence: Duration::from_secs(30),
            pause: Duration::from_secs(1),
            attempts: 5,
        }
    }
}

/// Why no complete answer came.
#[derive(Debug)]
pub(super) enum Fault {
    /// Nobody was there: no such name, refused, a proxy that says no.
    NoAnswer(String),
    /// There was somebody, and then no more.
    Cut(String),
    /// Nothing that could be asked for.
    BadAddress(String),
}

/// A client for one address. The error says what is wrong with the environment.
pub(super) fn agent(url: &str, patience: &Patience) -> Result<Agent, String> {
    let environment = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut config = Config::builder()
        .proxy(proxy(url, &environment)?)
        .user_agent(concat!("kiln/", env!("CARGO_PKG_VERSION")))
        .http_status_as_error(false)
        .timeout_resolve(Some(patience.connect))
        .timeout_connect(Some(patience.connect))
        .timeout_recv_response(Some(patience.silence))
        .timeout_per_read(Some(patience.silence));
    if let Some(file) = environment("SSL_CERT_FILE") {
        config = config.tls_config(TlsConfig::builder().root_certs(certificates(&file)?).build());
    }
    Ok(config.build().new_agent())
}

pub(super) fn fault(error: &ureq::Error) -> Fault {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof, WouldBlock};
    match error {
        ureq::Error::HostNotFound => Fault::NoAnswer("no address is known for this name".into()),
        ureq::Error::Timeout(phase @ (Timeout::Resolve | Timeout::Connect)) => {
            Fault::NoAnswer(format!("no answer in time ({phase})"))
        }
        ureq::Error::Timeout(phase) => Fault::Cut(format!("silent for too long ({phase})")),
        ureq::Error::Io(error) => match error.kind() {
            BrokenPipe | ConnectionAborted | ConnectionReset | TimedOut | UnexpectedEof | WouldBlock => {
                Fault::Cut(format!("the connection was cut ({error})"))
            }
            _ => Fault::NoAnswer(error.to_string()),
        },
        ureq::Error::Protocol(error) => Fault::Cut(format!("the answer is not HTTP ({error})")),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => Fault::BadAddress(error.to_string()),
        other => Fault::NoAnswer(other.to_string()),
    }
}

/// ureq takes one proxy for all addresses; here the scheme decides, as in curl.
fn proxy(url: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Option<Proxy>, String> {
    let secure = url.starts_with("https:");
    let names = if secure { ["HTTPS_PROXY", "https_proxy"] } else { ["HTTP_PROXY", "http_proxy"] };
    let named = |name: &'static str| environment(name).map(|value| (name, value));
    let Some((name, value)) = names.into_iter().chain(["ALL_PROXY", "all_proxy"]).find_map(named) else {
        return Ok(None);
    };
    let exceptions = environment("NO_PROXY").or_else(|| environment("no_proxy")).unwrap_or_default();
    if goes_direct(host(url), &exceptions) {
        return Ok(None);
    }
    if value.starts_with("socks") {
        return Err(format!("{name} names a SOCKS proxy, and kiln knows HTTP proxies only"));
    }
    // The value may hold a password, so it is not repeated.
    Proxy::new(&value).map(Some).map_err(|_| format!("{name} is not the address of a proxy"))
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => host.split(':').next().unwrap_or(host),
    }
}

/// This machine never lies behind a proxy; `NO_PROXY` names domains, which stand for what is below them too.
fn goes_direct(host: &str, exceptions: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let local = host == "localhost" || host == "::1" || host.starts_with("127.");
    let excepted = |entry: &str| {
        let domain = entry.trim().trim_start_matches('*').trim_start_matches('.').to_ascii_lowercase();
        !domain.is_empty() && (host == domain || host.ends_with(&format!(".{domain}")))
    };
    local || exceptions.split(',').any(|entry| entry.trim() == "*" || excepted(entry))
}

/// Where a proxy looks into TLS, its certificate is in the file that SSL_CERT_FILE names.
fn certificates(file: &str) -> Result<RootCerts, String> {
    let pem = fs::read(file).map_err(|error| format!("SSL_CERT_FILE: cannot read {file}: {error}"))?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(format!("SSL_CERT_FILE: {file} holds no certificate"));
    }
    Ok(RootCerts::from(certificates))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, variables: &[(&str, &str)], expected: Option<&str>) {
        let environment = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_string())
        };
        let found = proxy(url, &environment).unwrap().map(|proxy| proxy.host().to_string());
        assert_eq!(found.as_deref(), expected, "{url} with {variables:?}");
    }

    #[test]
    fn the_scheme_chooses_the_proxy() {
        let both = [("HTTPS_PROXY", "http://secure:1"), ("http_proxy", "plain:2")];
        check("https://a.org/x", &both, Some("secure"));
        check("http://a.org/x", &both, Some("plain"));
        check("https://a.org/x", &both[1..], None);
        check("https://a.org/x", &[("ALL_PROXY", "http://all:3")], Some("all"));
        check("https://a.org/x", &[], None);
    }

    #[test]
    fn some_hosts_go_direct() {
        let with = |exceptions| [("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", exceptions)];
        check("https://a.org:8443/x", &with("b.org, a.org"), None);
        check("https://sub.a.org/x", &with(".a.org"), None);
        check("https://sub.a.org/x", &with("*.a.org"), None);
        check("https://nota.org/x", &with("a.org"), Some("p"));
        check("https://a.org/x", &with("*"), None);
        check("https://a.org/x", &with(""), Some("p"));
        check("https://user@127.0.0.1:80/x", &with(""), None);
        check("https://[::1]:80/x", &with(""), None);
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_said_without_its_password() {
        let error = |value: &'static str| {
            proxy("https://a.org", &|name| (name == "HTTPS_PROXY").then(|| value.to_string())).unwrap_err()
        };
        assert!(error("socks5://h:1").contains("SOCKS"));
        let message = error("ftp://me:secret@h:1");
        assert!(message.contains("HTTPS_PROXY") && !message.contains("secret"), "{message}");
    }
}
