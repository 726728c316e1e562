//! The names under which the server answers. There is no access control, so it listens on loopback
//! only; but a web page may have its own name resolved to a loopback address (DNS rebinding), and
//! the browser of whoever runs the server would then let it read the book. Such a request says
//! whom it means in its `Host`.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use axum::http::{HeaderMap, header};

use crate::problem::{Code, Problem};

/// Names beside those of loopback: a proxy in front may pass on the one that it is reached by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts(Arc<[String]>);

impl Hosts {
    pub(crate) fn allowing(names: Vec<String>) -> Hosts {
        Hosts(names.into())
    }

    /// Refuses a request that means another host. One without the header is no browser's.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let mut values = headers.get_all(header::HOST).iter();
        if values.all(|value| value.to_str().is_ok_and(|host| self.allows(host))) {
            return Ok(());
        }
        Err(Problem::new(
            Code::HostNotAllowed,
            "the header Host names neither a loopback address nor a host that is allowed",
            "ask for 127.0.0.1, [::1] or localhost; behind a proxy, start the server with \
             --allow-host and the name that the proxy is reached by",
        ))
    }

    fn allows(&self, host: &str) -> bool {
        let name = without_port(host);
        if let Some(address) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return address.parse().is_ok_and(|address: Ipv6Addr| address.is_loopback());
        }
        name.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
            || name.eq_ignore_ascii_case("localhost")
            || self.0.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
    }
}

/// The host of `host:port`, or all of it where that is not its form.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_allowed_with_any_port_and_other_names_only_when_told() {
        let hosts = Hosts::allowing(vec!["ledger.example".into()]);
        for allowed in [
            "127.0.0.1",
            "127.0.0.1:7171",
            "127.8.9.10:1",
            "[::1]",
            "[::1]:7171",
            "localhost",
            "LocalHost:7171",
            "Ledger.Example",
            "ledger.example:443",
        ] {
            assert!(hosts.allows(allowed), "{allowed}");
        }
        for refused in [
            "",
            ":7171",
            "evil.example",
            "evil.example:7171",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "localhost@evil.example",
            "ledger.example.evil.example",
            "10.0.0.1",
            "0.0.0.0:7171",
            "[::]",
            "[::1",
            "::1",
            "127.0.0.1:x",
            "127.0.0.1, evil.example",
        ] {
            assert!(!hosts.allows(refused), "{refused}");
        }
        assert!(!Hosts::default().allows("ledger.example"));
    }
}
