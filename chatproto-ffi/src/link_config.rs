//! What the links of a realm have to know of it.

use crate::fault::Fault;
use crate::guard::guard;
use crate::handle::is_shared;
use chatproto::RealmName;
use chatproto::link::transport::TransportConfig;

/// What the links of a realm have to know of it: its name, key and limits, and its peers with their
/// keys. With it transports are made without the realm, as in a thread of their own.
///
/// Ownership: made by `chatproto_realm_link_config`, freed by `chatproto_link_config_free`;
/// transports take copies. Threads: it never changes, so any number may use it at a time.
pub struct chatproto_link_config {
    pub(crate) config: TransportConfig,
    /// Peers without a key.
    pub(crate) keyless: Vec<RealmName>,
}

const _: () = is_shared::<chatproto_link_config>();

impl chatproto_link_config {
    pub(crate) fn give(
        config: TransportConfig,
        keyless: Vec<RealmName>,
    ) -> Result<*mut Self, Fault> {
        config.check()?;
        Ok(Box::into_raw(Box::new(Self { config, keyless })))
    }
}

/// Frees a link configuration. Does nothing for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn chatproto_link_config_free(links: *mut chatproto_link_config) {
    guard!((), {
        if !links.is_null() {
            // SAFETY: as the header says, it is from `chatproto_realm_link_config` and not freed.
            drop(unsafe { Box::from_raw(links) });
        }
    });
}
