//! `assay key create | ls | revoke`

use std::io::Write;

use anstream::eprintln;
use assay_proto::KeyInfo;
use serde_json::{Value, json};

use crate::args::{KeyCommand, OutputFormat};
use crate::failure::{Failure, Outcome};
use crate::output::{Kind, Rows, print_json, print_rows, stdout};
use crate::settings::Settings;

pub(in crate::commands) fn run(command: &KeyCommand, settings: &Settings) -> Outcome {
    match command {
        KeyCommand::Create {
            scope,
            owner,
            expires,
            cluster,
        } => {
            let session = cluster.needed()?;
            let (key, secret) = session.ask(|remote| async move { remote.create_key(owner, *scope, *expires).await })?;
            show_secret(&key, &secret, settings)?;
        }
        KeyCommand::Ls(cluster) => {
            let keys = cluster.needed()?.ask(|remote| async move { remote.keys().await })?;
            let mut rows = Rows::new(COLUMNS);
            for key in keys {
                rows.push(vec![
                    key.id.into(),
                    key.scope.name().into(),
                    key.owner.into(),
                    key.created.into(),
                    key.expires.into(),
                    key.revoked.into(),
                ]);
            }
            print_rows(&rows, settings.format())?;
        }
        KeyCommand::Revoke { key, cluster } => {
            cluster.needed()?.ask(|remote| async move { remote.revoke_key(key).await })?;
            eprintln!("{key} is revoked; it is refused everywhere within seconds");
        }
    }
    Ok(0)
}

const COLUMNS: [(&str, Kind); 6] = [
    ("key_id", Kind::Text),
    ("scope", Kind::Text),
    ("owner", Kind::Text),
    ("created", Kind::Time),
    ("expires", Kind::Time),
    ("revoked", Kind::Time),
];

/// The secret on stdout, alone unless another form was asked for, so that it can be put into a variable.
pub(super) fn show_secret(key: &KeyInfo, secret: &str, settings: &Settings) -> Result<(), Failure> {
    let entry: Value = json!({
        "key_id": key.id,
        "scope": key.scope.name(),
        "owner": key.owner,
        "expires": key.expires,
        "secret": secret,
    });
    match settings.format() {
        OutputFormat::Table => {
            eprintln!(
                "key {} of scope {} for {}; it is shown only now:",
                key.id, key.scope, key.owner
            );
            writeln!(stdout(), "{secret}")?;
            Ok(())
        }
        OutputFormat::Json => print_json(&entry),
        format => {
            let mut rows = Rows::new([
                ("key_id", Kind::Text),
                ("scope", Kind::Text),
                ("owner", Kind::Text),
                ("secret", Kind::Text),
            ]);
            rows.push(vec![
                key.id.as_str().into(),
                key.scope.name().into(),
                key.owner.as_str().into(),
                secret.into(),
            ]);
            print_rows(&rows, format)
        }
    }
}
