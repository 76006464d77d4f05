//! Links between entities. Linking what is linked may answer 500, so read first.
//!
//! Sources: Kommo docs, `links`; the SDK `amocrm-api-php`.

use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::{Client, Entity, Query};
use crate::de;
use crate::error::Error;
use crate::id::{CatalogId, ElementId};

/// A link as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Link {
    #[serde(deserialize_with = "de::integer")]
    to_entity_id: i64,
    #[serde(deserialize_with = "de::text")]
    to_entity_type: String,
    #[serde(default, deserialize_with = "de::object")]
    metadata: LinkMetadata,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct LinkMetadata {
    #[serde(default, deserialize_with = "de::flag")]
    main_contact: bool,
    #[serde(default, deserialize_with = "de::flag")]
    is_main: bool,
}

impl Link {
    /// Where it leads, if to an entity: elements of lists are none.
    #[must_use]
    pub fn entity(&self) -> Option<Entity> {
        Entity::of(&self.to_entity_type, self.to_entity_id)
    }

    /// Whether it leads to the main contact.
    #[must_use]
    pub fn is_main(&self) -> bool {
        self.metadata.is_main || self.metadata.main_contact
    }
}

/// What to link to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkTarget {
    /// An entity; a contact may be the main one.
    Entity(Entity, bool),
    /// An element of a list, so many of it.
    Element(CatalogId, ElementId, u32),
}

impl Serialize for LinkTarget {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let link = match self {
            Self::Entity(entity, is_main) => {
                let mut link = serde_json::json!({
                    "to_entity_id": entity.id(), "to_entity_type": entity.kind().as_str(),
                });
                if *is_main {
                    link["metadata"] = serde_json::json!({"is_main": true});
                }
                link
            }
            Self::Element(catalog, element, quantity) => serde_json::json!({
                "to_entity_id": element, "to_entity_type": "catalog_elements",
                "metadata": {"catalog_id": catalog, "quantity": quantity},
            }),
        };
        link.serialize(serializer)
    }
}

impl Client {
    /// What an entity is linked to.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn links(&self, entity: Entity) -> Result<Vec<Link>, Error> {
        let path = format!("{}/links", entity.path());
        self.get_list("links.list", &path, Query::default(), "links")
            .await
    }

    /// Links an entity.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn link(&self, entity: Entity, targets: &[LinkTarget]) -> Result<(), Error> {
        let path = format!("{}/link", entity.path());
        self.act("links.create", Method::POST, &path, &targets)
            .await
    }

    /// Takes links off.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn unlink(&self, entity: Entity, targets: &[LinkTarget]) -> Result<(), Error> {
        let path = format!("{}/unlink", entity.path());
        self.act("links.delete", Method::POST, &path, &targets)
            .await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::id::ContactId;

    #[test]
    fn links_are_written_as_kommo_takes_them() {
        let contact = LinkTarget::Entity(Entity::Contact(ContactId(6001)), true);
        assert_eq!(
            serde_json::to_value(contact).unwrap(),
            json!({"to_entity_id": 6001, "to_entity_type": "contacts", "metadata": {"is_main": true}})
        );
        let element = LinkTarget::Element(CatalogId(1), ElementId(2), 3);
        assert_eq!(
            serde_json::to_value(element).unwrap(),
            json!({"to_entity_id": 2, "to_entity_type": "catalog_elements",
                "metadata": {"catalog_id": 1, "quantity": 3}})
        );
    }

    #[test]
    fn links_are_read() {
        let link: Link = serde_json::from_value(json!({
            "to_entity_id": 6001, "to_entity_type": "contacts", "metadata": {"main_contact": true}
        }))
        .unwrap();
        assert_eq!(link.entity(), Some(Entity::Contact(ContactId(6001))));
        assert!(link.is_main());
        let bare: Link = serde_json::from_value(json!({
            "to_entity_id": "1", "to_entity_type": "catalog_elements", "metadata": null
        }))
        .unwrap();
        assert_eq!((bare.entity(), bare.is_main()), (None, false));
    }
}
