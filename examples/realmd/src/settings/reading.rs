//! From the text of a realm file to [`Settings`].

mod peers;

use super::table::{At, Document, Table};
use super::{Listen, Place, Settings, SettingsError, storage, users};
use chatproto::{Config, Detail, LimitError, RealmName};
use peers::Link;
use std::net::SocketAddr;
use std::path::PathBuf;
use toml::de::DeTable;

const TOP: [&str; 9] = [
    "name",
    "log",
    "client",
    "store",
    "passwords",
    "link",
    "peers",
    "users",
    "limits",
];
const CLIENT: [&str; 1] = ["address"];
const LINK: [&str; 3] = ["address", "insecure", "key_file"];

/// Reads the text of a realm file that is called `file`.
pub(super) fn read(file: &str, text: &str) -> Result<Settings, SettingsError> {
    let document = Document { file, text };
    let parsed = DeTable::parse(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        // The parser's own messages may run over several lines.
        let sentence = error.message().lines().collect::<Vec<_>>().join(", ");
        document.error(offset, format!("this is not TOML: {sentence}"))
    })?;
    let top = At {
        value: parsed.get_ref(),
        offset: 0,
    };
    Reader {
        document,
        top: Table::new(document, "", &TOP, top)?,
    }
    .settings()
}

struct Reader<'a> {
    document: Document<'a>,
    top: Table<'a>,
}

impl<'a> Reader<'a> {
    fn settings(&self) -> Result<Settings, SettingsError> {
        let name = self.top.required_text("name")?;
        let realm = self.parse(name, RealmName::parse)?;
        let mut config = Config::new(realm).detail(self.detail()?);
        config.passwords = users::passwords(self.document, &self.top)?;
        config.users = users::read(self.document, &self.top)?;
        self.read_limits(&mut config)?;
        let client = self.client()?;
        let store = storage::read(self.document, &self.top)?;
        let link_table = self.top.table("link", "[link]", &LINK)?;
        let key_file = self.key_file(link_table.as_ref())?;
        let link = self.link(link_table.as_ref(), key_file.is_some())?;
        let found = self.read_peers(&mut config, &link, store.is_some())?;
        let named_at = Some(self.place(name));
        Ok(Settings {
            config,
            client,
            link: link.listen,
            key_file,
            peers: found.linked,
            classic: found.classic,
            store,
            bounce_removed: false,
            file: None,
            named_at,
        })
    }

    fn detail(&self) -> Result<Detail, SettingsError> {
        const WORDS: [(&str, Detail); 3] = [
            ("essential", Detail::Essential),
            ("commands", Detail::Commands),
            ("wire", Detail::Wire),
        ];
        let detail = self.top.choice("log", WORDS)?;
        Ok(detail.map_or(Detail::Essential, |detail| detail.value))
    }

    fn client(&self) -> Result<Listen, SettingsError> {
        let Some(table) = self.top.table("client", "[client]", &CLIENT)? else {
            return Err(self
                .top
                .error("the file needs a table [client] with an address"));
        };
        let address = table.required_text("address")?;
        Ok(Listen {
            address: self.address(address)?,
            place: Some(self.place(address)),
        })
    }

    fn key_file(&self, link: Option<&Table<'a>>) -> Result<Option<PathBuf>, SettingsError> {
        let Some(text) = link
            .map(|table| table.text("key_file"))
            .transpose()?
            .flatten()
        else {
            return Ok(None);
        };
        let path = PathBuf::from(text.value);
        if text.value.is_empty() || path.extension().is_some_and(|it| it == "pub") {
            let sentence = "\"key_file\" names the file of the secret key, such as \"realm1.key\"; the public one \
                            is written beside it";
            return Err(self.document.error(text.offset, sentence));
        }
        Ok(Some(path))
    }

    fn link(
        &self,
        table: Option<&Table<'a>>,
        has_key_file: bool,
    ) -> Result<Link<'a>, SettingsError> {
        let mut link = Link {
            listen: None,
            address: None,
            insecure: false,
            has_key_file,
        };
        let Some(table) = table else {
            return Ok(link);
        };
        link.insecure = table.flag("insecure")?.is_some_and(|flag| flag.value);
        link.address = table.text("address")?;
        if let Some(text) = link.address {
            link.listen = Some(Listen {
                address: self.address(text)?,
                place: Some(self.place(text)),
            });
        }
        Ok(link)
    }

    fn read_limits(&self, config: &mut Config) -> Result<(), SettingsError> {
        let names: Vec<&str> = config.limits.iter().map(|(name, _)| name).collect();
        let Some(table) = self.top.table("limits", "[limits]", &names)? else {
            return Ok(());
        };
        for key in table.keys() {
            let Some(number) = table.number(key.value)? else {
                continue;
            };
            config
                .limits
                .set(key.value, number.value)
                .map_err(|error| match error {
                    LimitError::Range { name, low, high } => {
                        let sentence = format!(
                            "{name:?} must be from {low} to {high}, not {}",
                            number.value
                        );
                        self.document.error(number.offset, sentence)
                    }
                    other => self.document.error(key.offset, other.to_string()),
                })?;
        }
        Ok(())
    }

    fn loopback(&self, text: At<&str>, address: SocketAddr) -> Result<(), SettingsError> {
        if address.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        let sentence = format!(
            "links in mode \"plain\" stay on this machine: {} is not a loopback address such as 127.0.0.1",
            address.ip()
        );
        Err(self.document.error(text.offset, sentence))
    }

    fn address(&self, text: At<&str>) -> Result<SocketAddr, SettingsError> {
        text.value.parse().map_err(|_| {
            let sentence = format!(
                "an address is written IP:PORT, such as \"127.0.0.1:8889\", not {:?}",
                text.value
            );
            self.document.error(text.offset, sentence)
        })
    }

    fn parse<T, E: std::fmt::Display>(
        &self,
        text: At<&str>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, SettingsError> {
        parse(text.value).map_err(|error| self.document.error(text.offset, error.to_string()))
    }

    fn place(&self, text: At<&str>) -> Place {
        self.document.place(text.offset)
    }
}
