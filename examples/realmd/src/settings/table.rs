//! A TOML table whose every mistake is told with its line.

use super::{Place, SettingsError};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// How alike two words must be for one to be offered for the other.
const ALIKE_MIN: f64 = 0.7;

/// The text of a realm file and what the file is called.
#[derive(Clone, Copy)]
pub(super) struct Document<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Document<'_> {
    pub(super) fn place(self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or_default();
        let line = 1 + before.matches('\n').count();
        Place {
            file: self.file.to_owned(),
            line: Some(line),
        }
    }

    pub(super) fn error(self, offset: usize, sentence: impl Into<String>) -> SettingsError {
        SettingsError {
            place: self.place(offset),
            sentence: sentence.into(),
        }
    }
}

/// A value and where it stands.
#[derive(Clone, Copy)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) offset: usize,
}

/// A table of a realm file, known to hold no key but those it may.
pub(super) struct Table<'a> {
    document: Document<'a>,
    /// How the table is written, such as `[link]`.
    title: &'static str,
    offset: usize,
    entries: &'a DeTable<'a>,
}

impl<'a> Table<'a> {
    pub(super) fn new(
        document: Document<'a>,
        title: &'static str,
        known: &[&str],
        table: At<&'a DeTable<'a>>,
    ) -> Result<Self, SettingsError> {
        let read = Self {
            document,
            title,
            offset: table.offset,
            entries: table.value,
        };
        let unknown = read.keys().filter(|key| !known.contains(&key.value));
        match unknown.min_by_key(|key| key.offset) {
            Some(key) => Err(read.unknown(key, known)),
            None => Ok(read),
        }
    }

    fn unknown(&self, key: At<&str>, known: &[&str]) -> SettingsError {
        let place = if self.title.is_empty() {
            String::new()
        } else {
            format!(" in {}", self.title)
        };
        let hint = did_you_mean(key.value, known.iter().copied());
        let sentence = format!("unknown key {:?}{place}{hint}", key.value);
        self.document.error(key.offset, sentence)
    }

    /// Where the table begins.
    pub(super) fn place(&self) -> Place {
        self.document.place(self.offset)
    }

    /// Says that the table lacks something.
    pub(super) fn error(&self, sentence: impl Into<String>) -> SettingsError {
        self.document.error(self.offset, sentence)
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<At<&'a str>>, SettingsError> {
        self.typed(key, "a text in quotes", DeValue::as_str)
    }

    pub(super) fn required_text(&self, key: &str) -> Result<At<&'a str>, SettingsError> {
        let title = if self.title.is_empty() {
            "the file"
        } else {
            self.title
        };
        self.text(key)?
            .ok_or_else(|| self.error(format!("{title} needs the key {key:?}")))
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<At<bool>>, SettingsError> {
        self.typed(key, "true or false", DeValue::as_bool)
    }

    /// One of some words, each with what it means.
    pub(super) fn choice<T: Copy, const N: usize>(
        &self,
        key: &str,
        words: [(&str, T); N],
    ) -> Result<Option<At<T>>, SettingsError> {
        let Some(At { value, offset }) = self.text(key)? else {
            return Ok(None);
        };
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == value) {
            let value = *meaning;
            return Ok(Some(At { value, offset }));
        }
        let hint = did_you_mean(value, words.iter().map(|(word, _)| *word));
        let quoted = words.map(|(word, _)| format!("{word:?}"));
        let all = match quoted.as_slice() {
            [most @ .., last] if !most.is_empty() => format!("{} or {last}", most.join(", ")),
            all => all.concat(),
        };
        let sentence = format!("{key:?} is {all}, not {value:?}{hint}");
        Err(self.document.error(offset, sentence))
    }

    pub(super) fn number(&self, key: &str) -> Result<Option<At<u64>>, SettingsError> {
        self.typed(key, "a whole number, not below 0", |value| {
            let number = value.as_integer()?;
            u64::from_str_radix(number.as_str(), number.radix()).ok()
        })
    }

    pub(super) fn table(
        &self,
        key: &str,
        title: &'static str,
        known: &[&str],
    ) -> Result<Option<Table<'a>>, SettingsError> {
        let wanted = format!("a table, written {title}");
        let Some(table) = self.typed(key, &wanted, DeValue::as_table)? else {
            return Ok(None);
        };
        Table::new(self.document, title, known, table).map(Some)
    }

    pub(super) fn tables(
        &self,
        key: &str,
        title: &'static str,
        known: &[&str],
    ) -> Result<Vec<Table<'a>>, SettingsError> {
        let wanted = format!("a list of tables, each written {title}");
        let Some(list) = self.typed(key, &wanted, DeValue::as_array)? else {
            return Ok(Vec::new());
        };
        let each = |element: &'a Spanned<DeValue<'a>>| {
            let offset = element.span().start;
            let Some(value) = element.get_ref().as_table() else {
                return Err(self
                    .document
                    .error(offset, format!("{key:?} must be {wanted}")));
            };
            Table::new(self.document, title, known, At { value, offset })
        };
        let list: &'a DeArray<'a> = list.value;
        list.iter().map(each).collect()
    }

    /// All keys, in no order that matters.
    pub(super) fn keys(&self) -> impl Iterator<Item = At<&'a str>> {
        self.entries.keys().map(|key| At {
            value: &**key.get_ref(),
            offset: key.span().start,
        })
    }

    fn typed<T>(
        &self,
        key: &str,
        wanted: &str,
        read: impl Fn(&'a DeValue<'a>) -> Option<T>,
    ) -> Result<Option<At<T>>, SettingsError> {
        let Some((_, value)) = self.entries.iter().find(|(name, _)| name.get_ref() == key) else {
            return Ok(None);
        };
        let offset = value.span().start;
        match read(value.get_ref()) {
            Some(value) => Ok(Some(At { value, offset })),
            None => Err(self
                .document
                .error(offset, format!("{key:?} must be {wanted}"))),
        }
    }
}

/// Offers the known word that comes nearest to the one written, if one comes near.
fn did_you_mean<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> String {
    let alike = known.map(|word| (strsim::jaro_winkler(written, word), word));
    match alike.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((likeness, word)) if likeness >= ALIKE_MIN => format!("; did you mean {word:?}?"),
        _ => String::new(),
    }
}
