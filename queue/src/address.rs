//! Where the queue is.

use std::fmt;
use std::str::FromStr;

use assay_core::{Domain, Explain};
use lapin::uri::{AMQPScheme, AMQPUri};

/// In this process, or at a broker: `local`, `amqp://user:password@host:port/vhost`, `amqps://…`.
///
/// Neither `Display` nor `Debug` shows who logs in, or with what.
#[derive(Clone, PartialEq, Eq)]
pub enum QueueAddress {
    /// In this process.
    Local,
    /// A RabbitMQ broker.
    Rabbit(BrokerAddress),
}

/// A broker's address with its credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerAddress(AMQPUri);

impl BrokerAddress {
    /// For the client library.
    pub(crate) fn uri(&self) -> AMQPUri {
        self.0.clone()
    }

    /// Whether the connection is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme == AMQPScheme::AMQPS
    }
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AMQPUri {
            scheme,
            authority,
            vhost,
            ..
        } = &self.0;
        write!(f, "{scheme}://{}:{}", authority.host, authority.port)?;
        if vhost != "/" {
            write!(f, "/{vhost}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BrokerAddress({self})")
    }
}

impl fmt::Display for QueueAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Rabbit(broker) => broker.fmt(f),
        }
    }
}

impl fmt::Debug for QueueAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QueueAddress({self})")
    }
}

/// A text that is not the address of a queue. It may hold a password, so it is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Neither `local` nor one of the two schemes.
    #[error("the queue's address is neither `local` nor begins with `amqp://` or `amqps://`")]
    Scheme,
    /// Malformed after the scheme.
    #[error("the queue's address is malformed: {reason}")]
    Malformed {
        /// What the parser said.
        reason: String,
    },
    /// No host, or one in brackets.
    #[error("the queue's address needs a host by name or by four numbers")]
    Host,
}

impl Explain for AddressError {
    fn domain(&self) -> Domain {
        Domain::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Scheme | Self::Malformed { .. } => {
                "write `local` or `amqps://user:password@host:5671/vhost`; `/`, `@`, `:` and `%` inside a name or a password \
                 are written `%2F`, `%40`, `%3A` and `%25`"
                    .to_owned()
            }
            Self::Host => "give a name to an IPv6 address, in DNS or in /etc/hosts".to_owned(),
        })
    }
}

impl FromStr for QueueAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text == "local" {
            return Ok(Self::Local);
        }
        let after_scheme = text
            .strip_prefix("amqp://")
            .or_else(|| text.strip_prefix("amqps://"))
            .ok_or(AddressError::Scheme)?;
        // The parser would take the default host for both.
        let authority = after_scheme.split(['/', '?']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        if host.is_empty() || host.starts_with([':', '[']) {
            return Err(AddressError::Host);
        }
        let mut uri = text.parse::<AMQPUri>().map_err(|reason| AddressError::Malformed { reason })?;
        // `amqp://host/` is the default virtual host to everyone but the specification, which names it "".
        if uri.vhost.is_empty() {
            "/".clone_into(&mut uri.vhost);
        }
        // A broker that says nothing for twice this long is gone, whatever TCP believes.
        uri.query.heartbeat.get_or_insert(10);
        // Messages are small; each connection's buffers are a multiple of this.
        uri.query.frame_max.get_or_insert(8_192);
        Ok(Self::Rabbit(BrokerAddress(uri)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<QueueAddress>().unwrap().to_string()
    }

    #[test]
    fn addresses_are_read_and_shown_without_secrets() {
        assert_eq!(shown("local"), "local");
        assert_eq!(shown("amqp://u:p%40ss@broker"), "amqp://broker:5672");
        assert_eq!(shown("amqps://u:secret@broker/"), "amqps://broker:5671");
        assert_eq!(shown("amqp://u:secret@10.0.0.1:1234/%2f?heartbeat=3"), "amqp://10.0.0.1:1234");
        assert_eq!(shown("amqp://u:secret@broker/night"), "amqp://broker:5672/night");
        let address: QueueAddress = "amqp://somebody:secret@broker".parse().unwrap();
        let debug = format!("{address:?}");
        assert!(!debug.contains("secret") && !debug.contains("somebody"), "{debug}");
    }

    #[test]
    fn malformed_addresses_are_refused_without_repeating_them() {
        for (text, expected) in [
            ("", "neither"),
            ("Local", "neither"),
            ("redis://u:secret@broker", "neither"),
            ("amqp:secret", "neither"),
            ("amqp://", "host"),
            ("amqp://u:secret@", "host"),
            ("amqp://u:secret@[::1]:5672", "host"),
            ("amqp://u:secret@broker:port", "malformed"),
            ("amqp://u:secret@broker/?heartbeat=soon", "malformed"),
        ] {
            let error = text.parse::<QueueAddress>().unwrap_err();
            let said = format!("{error} {error:?}");
            assert!(said.contains(expected) && !said.contains("secret"), "{text}: {said}");
            assert!(error.hint().is_some());
        }
    }
}
